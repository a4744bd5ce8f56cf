"""What the tests start warm is, in all that they can see, what `exec` would have started."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures.places import ROOT
from fixtures.servers import warm

PROBE = """
import json, os, signal, sys
from pathlib import Path

seen = {
    "argv": sys.argv,
    "orig_argv": sys.orig_argv,
    "path": sys.path,
    "name": __name__,
    "stdin": sys.stdin.read(),
    "encodings": [sys.stdout.encoding, sys.stderr.errors, sys.stdin.encoding],
    "cwd": os.getcwd(),
    "environ": dict(os.environ),
    "parent": os.getppid(),
    "session": os.getsid(0) == os.getpid(),
    "command": Path("/proc/self/cmdline").read_text(),
    "variables": sorted(Path("/proc/self/environ").read_text().split("\\0")),
    "descriptors": sorted(os.listdir("/proc/self/fd")),
    "umask": os.umask(0),
    "signals": [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)],
    "blocked": list(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
}
print(json.dumps(seen))
"""


@pytest.mark.parametrize("options", [["-c"], ["-P", "-c"]])
@pytest.mark.parametrize("new_session", [False, True])
def test_a_warm_process_finds_what_a_started_one_finds(
    tmp_path: Path, *, options: list[str], new_session: bool
) -> None:
    given = {"PATH": os.environ["PATH"], "LC_CTYPE": "C.UTF-8", "PYTHONPATH": str(tmp_path), "ODD": "a=b c"}
    seen = [
        json.loads(
            start(
                [sys.executable, *options, PROBE, "one", "two three"],
                input="words",
                capture_output=True,
                text=True,
                check=True,
                cwd=tmp_path,
                env=given,
                start_new_session=new_session,
            ).stdout
        )
        for start in (warm.run, subprocess.run)
    ]
    assert seen[0] == seen[1]


def test_a_file_that_is_run_finds_what_it_finds_in_a_started_process(tmp_path: Path) -> None:
    """But for a descriptor: the interpreter keeps the file open."""
    (tmp_path / "probe.py").write_text(f"{PROBE}seen['file'] = __file__\nprint(json.dumps(seen))\n")
    given = {"PATH": os.environ["PATH"], "LC_CTYPE": "C.UTF-8"}
    said = [
        start(
            [sys.executable, "probe.py", "one"],
            input="",
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            env=given,
        ).stdout.splitlines()[-1]
        for start in (warm.run, subprocess.run)
    ]
    warm_seen, real_seen = [{**json.loads(line), "descriptors": None} for line in said]
    assert warm_seen == real_seen


@pytest.mark.parametrize(
    "script",
    [
        "import sys; sys.exit(7)",
        "import sys; sys.exit('a reason')",
        "1 / 0",
        "raise KeyboardInterrupt",
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
        "import atexit; atexit.register(print, 'the end'); print('before')",
        "import threading, time; threading.Thread(target=lambda: (time.sleep(0.2), print('late'))).start()",
    ],
)
def test_a_warm_process_ends_as_a_started_one_ends(script: str) -> None:
    ends = [
        start([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        for start in (warm.run, subprocess.run)
    ]
    warm_end, real_end = [(end.returncode, end.stdout, end.stderr) for end in ends]
    assert warm_end == real_end


def test_a_warm_process_gets_the_signals_that_are_sent_to_it() -> None:
    script = "import time; print('here', flush=True); time.sleep(60)"
    with warm.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM


def test_a_script_finds_the_command_and_gets_its_output_and_its_code(tmp_path: Path) -> None:
    with warm.command_in(tmp_path / "first"):
        path = os.pathsep.join([str(tmp_path / "first"), os.environ["PATH"]])
        done = subprocess.run(
            ["bash", "-c", "bakeoff --version | sed 's/^/it says: /'; bakeoff nonsense"],
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.stdout.startswith("it says: bakeoff ")
    assert (done.returncode, "nonsense" in done.stderr) == (2, True)


#: Where the server is asked for a process, as a fixture does it; then its children are listed.
RUNS_TESTS = """
import os, sys
from pathlib import Path
from fixtures.servers import warm

warm.pytest_configure()
ours = "import os, sys; print('bakeoff.cli.main' in sys.modules, os.getppid())"
print(*warm.run([sys.executable, "-c", ours], capture_output=True, text=True, check=True).stdout.split())
print(os.getpid())
for child in Path("/proc/thread-self/children").read_text().split():
    print(Path(f"/proc/{child}/cmdline").read_text().rstrip("\\0"))
"""


def test_a_process_that_runs_tests_asks_the_server_that_it_has_forked_at_its_begin() -> None:
    process = warm.Popen(
        [sys.executable, "-c", RUNS_TESTS],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        runs_tests=True,
    )
    output, _ = process.communicate(timeout=30)

    assert output.splitlines() == [f"True {process.pid}", str(process.pid), "warm-server-for-children"]
