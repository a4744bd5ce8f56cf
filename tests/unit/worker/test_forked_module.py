"""A module in a forked child finds what it would find in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bakeoff.worker import forked_module

PARENT = """
import importlib, os, signal, sys, time
from bakeoff.worker import forked_module

forked_module.load(["json"])
signal.signal(signal.SIGTERM, lambda *_: None)
signal.signal(signal.SIGCHLD, lambda *_: None)
output = os.open("out", os.O_WRONLY | os.O_CREAT, 0o600)
command = [sys.executable, "-P", "-m", "probe", "one", "two three"]
child = forked_module.fork(command, {"PATH": "", "ODD": "a=b c"}, output, lambda: os.setpgid(0, 0))
while child.poll() is None:
    time.sleep(0.01)
child.send_signal(signal.SIGTERM)  # it has ended: nobody gets this
print(child.returncode)
"""
PROBE = """
import json, os, signal, sys
from pathlib import Path

seen = {
    "name": __name__,
    "argv": sys.argv[1:],
    "environ": dict(os.environ),
    "stdin": sys.stdin.read(),
    "group": os.getpgrp() == os.getpid(),
    "sigterm": signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
    "sigchld": signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL,
    "blocked": list(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "command": Path("/proc/self/cmdline").read_text(),
}
print(json.dumps(seen))
raise SystemExit(3)
"""


def test_it_finds_what_a_process_of_its_own_would_find(tmp_path: Path) -> None:
    (tmp_path / "probe.py").write_text(PROBE)
    said = subprocess.run(
        [sys.executable, "-c", PARENT],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        input="words of the parent",
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout == "3\n"
    assert json.loads((tmp_path / "out").read_text()) == {
        "name": "__main__",
        "argv": ["one", "two three"],
        "environ": {"PATH": "", "ODD": "a=b c"},
        "stdin": "",
        "group": True,
        "sigterm": True,
        "sigchld": True,
        "blocked": [],
        "command": f"{sys.executable}\x00-P\x00-m\x00probe\x00one\x00two three\x00",
    }


def test_only_modules_can_be_forked() -> None:
    with pytest.raises(
        ValueError, match=r"\['sh', '-c', 'exit'\] cannot be forked: expected .* -P -m MODULE"
    ):
        forked_module.fork(["sh", "-c", "exit"], {}, None, lambda: None)
