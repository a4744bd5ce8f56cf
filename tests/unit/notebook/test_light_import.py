import subprocess
import sys

SCRIPT = """
import sys
import time
began = time.process_time()
import bakeoff
assert time.process_time() - began < 0.2, time.process_time() - began
names = dir(bakeoff)
assert {"compare", "run", "project", "Project", "ModelPredictor"} <= set(names), names
heavy = {"celery", "sqlalchemy", "sklearn", "pandas", "numpy", "pydantic", "rich"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
bakeoff.compare
assert not {*heavy, "yaml", "redis"} & set(sys.modules), "a call begins its worker before it loads these"
print("sklearn" in sys.modules, "celery" in sys.modules)
"""


def test_importing_bakeoff_loads_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("False False\n", 0), done.stderr
