"""Each test runs the source of a script in a module that no import statement reaches, as a notebook's is."""

import functools
import importlib.util
import linecache
from pathlib import Path
from types import ModuleType

import pytest
from fixtures.projects.notebook_session import Session

from bakeoff.notebook.candidates.notebook_code_as_modules import (
    NoSourceError,
    lives_in_no_module,
    module_text,
    write_module,
)


def imported(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SOURCE = '''
import logging
import numpy as np
from collections import OrderedDict as Ordered
from sklearn.base import BaseEstimator, ClassifierMixin

log = logging.getLogger("mine")
LIMIT = 3
UNUSED = object()

class Base(BaseEstimator):
    """With words."""
    def common(self): return LIMIT

def double(x):
    return helper(x) * 2

def helper(x):
    return np.asarray(x)

class Mine(ClassifierMixin, Base):
    def __init__(self, depth: int = LIMIT):
        self.depth = depth

    def fit(self, X, y):
        log.info("fit")
        return self

    def predict(self, X):
        return double([Ordered(a=self.common())["a"]] * len(X))
'''


def test_a_class_travels_with_all_that_it_names_and_nothing_else(session: Session, tmp_path: Path) -> None:
    path = write_module(session(SOURCE).Mine, root=tmp_path)

    module, _, name = path.partition(":")
    file = tmp_path.joinpath(*module.split(".")).with_suffix(".py")
    model = getattr(imported(file), name)()
    assert model.fit([[1]], [1]).predict([[1], [2]]).tolist() == [6, 6]
    assert "UNUSED" not in file.read_text()


def test_the_same_code_is_the_same_module_and_changed_code_another(session: Session, tmp_path: Path) -> None:
    paths = [write_module(session(text).Mine, root=tmp_path) for text in (SOURCE, "\n\n" + SOURCE)]
    changed = write_module(session(SOURCE.replace("* 2", "* 3")).Mine, root=tmp_path)

    assert paths[0] == paths[1]
    assert changed != paths[0]


def test_a_cell_that_is_run_again_counts_as_it_is_now(session: Session) -> None:
    before = "class A:\n    def fit(self): return 1\n"
    after = before + "\n\nclass A:\n    def fit(self): return 2\n"

    assert "return 2" in module_text(session(after).A)
    assert "return 1" not in module_text(session(after).A)


def test_functions_that_call_each_other_are_written_once(session: Session) -> None:
    text = module_text(session("def a(x):\n    return b(x)\n\ndef b(x):\n    return a(x)\n").a)
    assert text.count("def a(x)") == text.count("def b(x)") == 1


def test_an_alias_of_a_function_keeps_working(session: Session, tmp_path: Path) -> None:
    source = "def f(x):\n    return x\n\ng = f\n\ndef h(x):\n    return g(x)\n"
    path = write_module(session(source).h, root=tmp_path)
    file = tmp_path.joinpath(*path.partition(":")[0].split(".")).with_suffix(".py")
    assert imported(file).h(7) == 7


def test_constants_of_common_libraries_are_written(session: Session, tmp_path: Path) -> None:
    source = """
import re
import numpy as np
WEIGHTS = np.array([0.5, 2.0], dtype="float32")
LIMIT = np.float64(3.5)
WORD = re.compile("a+", re.IGNORECASE)

def f():
    return WEIGHTS.dtype.str, WEIGHTS.tolist(), float(LIMIT), WORD.findall("bAab")
"""
    path = write_module(session(source).f, root=tmp_path)
    file = tmp_path.joinpath(*path.partition(":")[0].split(".")).with_suffix(".py")
    assert imported(file).f() == ("<f4", [0.5, 2.0], 3.5, ["Aa"])


def test_what_a_notebook_puts_around_a_builtin_is_that_of_python(session: Session, tmp_path: Path) -> None:
    module = session("def read(file):\n    with open(file) as opened:\n        return opened.read()\n")
    module.open = functools.wraps(open)(lambda file: pytest.fail(f"no cell has what opens {file} here"))
    (tmp_path / "text").write_text("as it is")

    name = write_module(module.read, root=tmp_path).partition(":")[0].replace(".", "/")
    assert imported(tmp_path / f"{name}.py").read(tmp_path / "text") == "as it is"


def test_a_dataclass_with_its_decorator_is_written(session: Session, tmp_path: Path) -> None:
    source = (
        "import dataclasses\n\n@dataclasses.dataclass\nclass A:\n    depth: int = 3\n    def fit(self): ...\n"
    )
    path = write_module(session(source).A, root=tmp_path)
    file = tmp_path.joinpath(*path.partition(":")[0].split(".")).with_suffix(".py")
    assert imported(file).A(depth=4).depth == 4


@pytest.mark.parametrize(
    ("source", "name", "message"),
    [
        (
            "class H:\n    def go(self): ...\nhelper = H()\nclass A:\n    def fit(self): return helper\n",
            "A",
            r"A uses helper, <.*H object at .*> of type H, .*: make `helper` a parameter",
        ),
        (
            "import threading\nlock = threading.Lock()\nclass A:\n    def fit(self): return lock\n",
            "A",
            r"A uses lock, <unlocked .*> of type lock, .*: make `lock` a parameter of the constructor",
        ),
        (
            "def make():\n    class A:\n        def fit(self): ...\n    return A\nA = make()\n",
            "A",
            r"make.A is defined inside a function, .*: define it at the top level of the notebook",
        ),
    ],
)
def test_what_cannot_be_written_is_named_with_the_cure(
    session: Session, source: str, name: str, message: str
) -> None:
    with pytest.raises(NoSourceError, match=message):
        module_text(getattr(session(source), name))


def test_a_class_from_a_prompt_that_keeps_no_source_is_to_be_put_into_a_file(session: Session) -> None:
    module = session("class A:\n    def fit(self): ...\n")
    linecache.cache.pop(f"<ipython-input-{module.__name__}>")

    with pytest.raises(NoSourceError, match=r"write it to a file, such as my_model.py, and `from my_model"):
        module_text(module.A)


def test_installed_classes_live_in_a_module() -> None:
    assert not lives_in_no_module(Path)
    assert not lives_in_no_module(pytest.Item)
