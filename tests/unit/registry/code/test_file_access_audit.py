"""What is seen of what a candidate uses beside its code. A witness stays until its process ends."""

import json
import subprocess
import sys
from typing import Any

import pytest

#: Each deed in a fork of its own.
SCRIPT = """
import json, os, socket, sqlite3, subprocess, sys
from contextlib import suppress
from pathlib import Path
import numpy
from registry.code.file_access_audit import FileAccessAudit

def see(deed):
    reader, writer = os.pipe()
    if os.fork() == 0:
        witness = FileAccessAudit(private=(Path.cwd(),))
        witness.begin()
        exec(deed, globals())
        with open(writer, "w") as answer:
            json.dump(witness.report(), answer)
        os._exit(0)
    os.close(writer)
    with open(reader) as answer:
        told = answer.read()
    os.wait()
    return json.loads(told)

deeds = json.loads(sys.argv[1])
os.chdir("scratch")
sys.path.append("../project")
sys.dont_write_bytecode = True
print(json.dumps([see(deed) for deed in deeds]))
"""

NOTHING: dict[str, list[str]] = {"files": [], "folders": [], "packages": [], "actions": []}
MANY = "for n in range(1001):\n  with suppress(OSError): open(f'../project/{n}')"
ACTIONS: list[tuple[str, dict[str, list[str]]]] = [
    ("open('../project/weights.json').read()", {"files": ["project/weights.json"]}),
    ("Path('../project/weights.json').read_bytes()", {"files": ["project/weights.json"]}),
    ("exec(open('../project/script.py').read())", {"files": ["project/script.py"]}),
    ("numpy.fromfile('../project/weights.json')", {"files": ["project/weights.json"]}),
    (
        "__import__('hid' + 'den')",
        {"files": ["project/__pycache__/hidden.cpython-311.pyc", "project/hidden.py"]},
    ),
    ("sqlite3.connect('../project/tables/x.db')", {"files": ["project/tables/x.db"]}),
    ("with suppress(OSError): open('../project/none')", {"files": ["project/none"]}),
    ("os.listdir('../project/tables')", {"folders": ["project/tables"]}),
    ("list(Path('../project/tables').glob('*.csv'))", {"folders": ["project/tables"]}),
    ("import threadpoolctl", {"packages": ["threadpoolctl"]}),
    (
        "subprocess.run([sys.executable, '../project/script.py'], check=True)",
        {"actions": ["it starts a program with ../project/script.py"]},
    ),
    (
        "with suppress(OSError): socket.create_connection(('127.0.0.1', 1), 1)",
        {"actions": ["it connects to 127.0.0.1"]},
    ),
    ("open('own', 'w').write('x'); open('own').read(); os.listdir()", {}),
    ("open('/proc/cpuinfo').read(); os.urandom(1)", {}),
    ("open('../project/log', 'w').write('x')", {}),
    ("subprocess.run(['true'], check=True)", {}),
    ("import decimal, email.message, xml.dom", {}),
]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report about each deed, with paths as from the project."""
    place = tmp_path_factory.mktemp("witness")
    for name in ("scratch", "project/tables"):
        (place / name).mkdir(parents=True)
    for name in ("weights.json", "hidden.py", "script.py"):
        (place / "project" / name).write_text("")
    deeds = [*(deed for deed, _ in ACTIONS), MANY]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(deeds)],
        cwd=place,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    told = json.loads(done.stdout.splitlines()[-1].replace(f"{place}/", ""))
    return dict(zip(deeds, told, strict=True))


@pytest.mark.parametrize(("deed", "told"), ACTIONS)
def test_what_is_used_is_told(seen: dict[str, Any], deed: str, told: dict[str, list[str]]) -> None:
    assert seen[deed] == {**NOTHING, **told}


def test_more_than_can_be_told_is_an_obstacle(seen: dict[str, Any]) -> None:
    found = seen[MANY]

    assert (len(found["files"]), found["actions"]) == (1000, ["it opens more than 1000 files"])
