"""What code a candidate is made of: what changes it, what does not. Nothing is imported to find out."""

import math
import sys
import time
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from bakeoff.domain.candidate import Candidate, PipelineStep
from registry.code import candidate_code
from registry.code.candidate_code import Code, class_modules, code_at
from registry.code.distribution_of_module import identity_of, owners_of

PLUGIN = '''
"""A plugin."""
import numpy as np
from . import near
from .far.deep import value

class Plugin:
    """It answers."""
    def fit(self, X, y):
        import lazy
        self.answer = 1.0
'''


_TICK_S = 0.012  #: longer than the clock of the file system takes for a step


@pytest.fixture(params=["just written", "at rest"])
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """A project with a plugin in a package, and what it imports in all the ways there are.

    What is at rest is read once and remembered.
    """
    monkeypatch.setattr(sys, "path", list(sys.path))
    if request.param == "at rest":
        monkeypatch.setattr(candidate_code, "_AT_REST_S", -math.inf)
    write(tmp_path, "plugins/__init__.py", "")
    write(tmp_path, "plugins/mine.py", PLUGIN)
    write(tmp_path, "plugins/near.py", "import plugins.further\n")
    write(tmp_path, "plugins/further.py", "x = 1\n")
    write(tmp_path, "plugins/far/__init__.py", "")
    write(tmp_path, "plugins/far/deep.py", "value = 2\n")
    write(tmp_path, "lazy.py", "from pathlib import Path\nPath('imported').touch()\n")
    write(tmp_path, "other.py", "x = 1\n")
    return tmp_path


def write(root: Path, name: str, text: str) -> None:
    _let_the_clock_step()
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def edit(root: Path, name: str, old: str, new: str) -> None:
    text = (root / name).read_text()
    assert old in text
    _let_the_clock_step()
    (root / name).write_text(text.replace(old, new))


def _let_the_clock_step() -> None:
    """What is remembered is known by its times. What was just written is read again in any case."""
    if candidate_code._AT_REST_S < 0:
        time.sleep(_TICK_S)


def code(root: Path, *places: str) -> Code:
    return code_at(places or ("plugins/mine.py",), root=root)


def test_it_is_made_of_all_that_it_imports_wherever_that_stands(root: Path) -> None:
    found = code(root)

    assert set(found.modules) == {
        "plugins",
        "plugins.mine",
        "plugins.near",
        "plugins.further",
        "plugins.far",
        "plugins.far.deep",
        "lazy",
    }
    assert list(found.distributions) == ["numpy"]
    assert found.compiled == set()


def test_code_at_rest_is_read_once_for_all_jobs_and_again_when_it_changes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[bytes] = []
    parse = candidate_code._parse
    monkeypatch.setattr(candidate_code, "_parse", lambda source: reads.append(source) or parse(source))
    at_rest = candidate_code._AT_REST_S < 0
    code(root)
    code(root)
    assert len(reads) == (7 if at_rest else 14)

    reads.clear()
    edit(root, "plugins/further.py", "1", "2")
    code(root)
    code(root)
    assert len(reads) == (7 if at_rest else 14)


def test_nothing_is_imported_to_find_out(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(root)
    before = set(sys.modules)

    code(root)

    assert not (root / "imported").exists()
    assert not {name for name in set(sys.modules) - before if name.startswith(("plugins", "lazy"))}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("self.answer = 1.0", "self.answer = 1.0  # the truth"),
        ("import numpy as np", "import numpy as np\n\n\n# a comment"),
        ("self.answer = 1.0", "self.answer = (1.00)"),
        ('"""A plugin."""', "'''A plugin.'''"),
    ],
)
def test_comments_and_layout_are_nothing(root: Path, old: str, new: str) -> None:
    before = code(root)
    edit(root, "plugins/mine.py", old, new)

    assert code(root).digest == before.digest


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("plugins/mine.py", "1.0", "1"),
        ("plugins/mine.py", "It answers.", "It answers!"),
        ("plugins/mine.py", "import lazy", "import other"),
        ("plugins/further.py", "x = 1", "x = 2"),
        ("plugins/far/deep.py", "2", "True"),
        ("lazy.py", "touch", "exists"),
    ],
)
def test_whatever_may_be_seen_at_run_time_is_something(root: Path, name: str, old: str, new: str) -> None:
    before = code(root)
    edit(root, name, old, new)

    assert code(root).digest != before.digest


def test_a_module_that_nobody_imports_is_nothing(root: Path) -> None:
    before = code(root)
    edit(root, "other.py", "1", "2")
    write(root, "plugins/stray.py", "x = 1\n")

    assert code(root).digest == before.digest


def test_an_optional_module_that_comes_to_be_there_is_something(root: Path) -> None:
    write(root, "plugins/mine.py", "try:\n    import quick\nexcept ImportError:\n    quick = None\n")
    before = code(root)
    write(root, "quick.py", "")

    assert before.missing == {"quick"}
    assert code(root).missing == set()
    assert code(root).digest != before.digest


def test_a_package_stands_before_a_module_of_the_same_name(root: Path) -> None:
    before = code(root)
    write(root, "lazy/__init__.py", "x = 1\n")

    assert code(root).digest != before.digest


def test_a_change_that_was_undone_is_no_other_code_but_can_be_told(root: Path) -> None:
    before = code(root)
    edit(root, "lazy.py", "touch", "exists")
    edit(root, "lazy.py", "exists", "touch")
    after = code(root)

    assert after.digest == before.digest
    assert after != before


@pytest.mark.parametrize("text", ["def broken(:\n", "x = " + "9" * 5000, "x = '\0'", "(" * 3000])
def test_what_cannot_be_parsed_is_known_by_its_bytes(root: Path, text: str) -> None:
    write(root, "lazy.py", text)
    before = code(root)
    write(root, "lazy.py", text + "\n# more")

    assert code(root).digest != before.digest


def test_a_file_that_no_import_reaches_is_read_as_well(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    write(elsewhere, "alone.py", "import lazy\n")
    place = f"{elsewhere}/alone.py"

    assert set(code(root, place).modules) == {place, "lazy"}


def test_a_compiled_module_of_the_project_is_named(root: Path) -> None:
    write(root, "lazy.py", "import quick\n")
    write(root, "quick.abi3.so", "")

    assert code(root).compiled == {"quick"}


def test_a_class_of_a_library_is_its_distribution(root: Path) -> None:
    found = code(root, "sklearn.ensemble")

    assert (found.modules, list(found.distributions)) == ({}, ["scikit-learn"])
    assert found.distributions["scikit-learn"].split()[0] == identity_of("scikit-learn").split()[0]


def test_all_classes_of_a_candidate_count(root: Path) -> None:
    candidate = Candidate(
        id="x",
        version="1",
        steps=(
            PipelineStep(path="plugins/mine.py:Plugin"),
            PipelineStep(
                path="sklearn.ensemble:Bagging", params={"estimator": {"class": "lightgbm:LGBMClassifier"}}
            ),
        ),
    )

    assert class_modules(candidate) == ("plugins/mine.py", "sklearn.ensemble", "lightgbm")


def test_an_installed_package_is_another_one_with_another_version_or_other_files(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "site-packages"
    monkeypatch.syspath_prepend(installed)
    seen = []
    for version, digest in (("1.0", "aa"), ("1.0", "bb"), ("1.1", "bb")):
        for old in installed.glob("*.dist-info"):
            old.rename(tmp_path / f"old-{len(seen)}")
        write(installed, "theirs.py", f"x = '{digest}'\n")
        write(installed, f"theirs-{version}.dist-info/METADATA", f"Name: theirs\nVersion: {version}\n")
        write(
            installed,
            f"theirs-{version}.dist-info/RECORD",
            f"theirs.py,sha256={digest},1\n../bin/x,sha256=z,1\n",
        )
        seen.append(code(root, "theirs").digest)

    assert owners_of("theirs") == ("theirs",)
    assert len(set(seen)) == 3


def test_who_installed_it_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    for installer in ("pip", "uv"):
        installed = tmp_path / installer / "site-packages"
        write(installed, "theirs-1.dist-info/METADATA", "Name: theirs\nVersion: 1\n")
        record = f"theirs.py,sha256=aa,1\ntheirs-1.dist-info/INSTALLER,sha256={installer},2\n"
        write(installed, "theirs-1.dist-info/RECORD", record)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(installed)
            seen.append(identity_of("theirs"))

    assert seen[0] == seen[1]


def test_an_editable_install_is_source_of_the_project(
    root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a line in a `.pth` file, or by a finder, as setuptools does it."""
    source = tmp_path_factory.mktemp("source")
    write(source, "by_path.py", "x = 1\n")
    write(source, "src/by_finder/__init__.py", "import by_path\n")
    place = source / "src" / "by_finder"

    class Finder:
        __module__ = "__editable___by_finder_1_finder"

        @classmethod
        def find_spec(cls, name: str, *_: object) -> object:
            if name != "by_finder":
                return None
            spec = ModuleSpec(name, None, origin=str(place / "__init__.py"), is_package=True)
            spec.submodule_search_locations = [str(place)]
            return spec

    monkeypatch.syspath_prepend(source)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])

    assert set(code(root, "by_finder").modules) == {"by_finder", "by_path"}
