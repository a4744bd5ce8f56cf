"""What a check has found is remembered until something changes that may matter."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bakeoff.cell.oven.start_and_stop_oven import Oven
from bakeoff.domain.candidate import Candidate, Learns, Rejection
from bakeoff.domain.errors import InfrastructureError
from bakeoff.settings.configuration import load as load_configuration
from registry.catalog.live_catalog import Catalog
from registry.catalog.tried_candidates_cache import CheckedCache

MINE = """
class Mine:
    def __init__(self, depth=1): ...
    def fit(self, X, y): ...
    def predict(self, X): return [0] * len(X)
"""
CATALOG = (
    "models:\n  mine: {path: 'plugs/mine.py:Mine'}\n  tree: {path: 'sklearn.tree:DecisionTreeClassifier'}\n"
)

Load = Callable[..., Catalog]


@pytest.fixture(scope="module")
def oven() -> Iterator[Path]:
    with Oven.start(
        preload=["numpy", "sklearn.tree", "registry.catalog.construct_candidates_in_cell"]
    ) as oven:
        yield oven.socket


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("plugs", "config", "data"):
        (tmp_path / folder).mkdir()
    (tmp_path / "plugs" / "mine.py").write_text(MINE)
    (tmp_path / "config" / "models.yaml").write_text(CATALOG)
    return tmp_path


@pytest.fixture
def load(oven: Path, root: Path) -> Load:
    """Without an oven, whoever must be checked is an error: nobody answers at that socket."""

    def load(*, with_oven: bool, rejected_anew: bool = False) -> Catalog:
        socket = oven if with_oven else root / "nobody"
        return Catalog.load(
            root / "config" / "models.yaml",
            import_timeout_s=20,
            socket=socket,
            cache_file=root / "data" / "checked.json",
            rejected_anew=rejected_anew,
        )

    return load


def _is_spared(load: Load) -> bool:
    try:
        load(with_oven=False)
    except InfrastructureError:
        return False
    return True


def test_who_was_healthy_is_not_checked_again(load: Load) -> None:
    assert not _is_spared(load)
    first = load(with_oven=True).contents

    again = load(with_oven=False).contents

    assert again == first
    assert {id_: one.learns for id_, one in again.candidates.items()} == {
        "mine": None,
        "tree": Learns.CLASSES,
    }


def _edit_code(root: Path) -> None:
    (root / "plugs" / "mine.py").write_text(MINE + "import os\n")


def _edit_entry(root: Path) -> None:
    (root / "config" / "models.yaml").write_text(CATALOG.replace("Mine'", "Mine', params: {depth: 2}"))


def _install(root: Path) -> None:
    (root / "site-packages" / "new").mkdir(parents=True)


def _damage(root: Path) -> None:
    (root / "data" / "checked.json").write_text('{"half')


def _forge(root: Path) -> None:
    file = root / "data" / "checked.json"
    file.write_text(json.dumps({key: [1] for key in json.loads(file.read_text())}))


@pytest.mark.parametrize("change", [_edit_code, _edit_entry, _install, _damage, _forge])
def test_after_a_change_it_is_checked_again(
    load: Load, root: Path, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(root / "site-packages")])
    load(with_oven=True)
    assert _is_spared(load)

    change(root)

    assert not _is_spared(load)
    assert set(load(with_oven=True).candidates) == {"mine", "tree"}
    assert _is_spared(load)


def test_what_came_to_be_there_of_what_the_entry_names_has_it_checked_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = Candidate(
        id="mine",
        version="1",
        path="plugs/mine.py:Mine",
        env=("HUB_TOKEN",),
        readable=(str(root / "weights"),),
    )
    cache = CheckedCache(root / "data" / "other.json", root=root, import_timeout_s=20)
    monkeypatch.setenv("HUB_TOKEN", "hf_1")
    cache.remember([(mine, mine)])
    monkeypatch.setenv("HUB_TOKEN", "hf_2")
    assert cache.recall(mine) == mine

    (root / "weights").mkdir()
    assert cache.recall(mine) is None
    (root / "weights").rmdir()
    assert cache.recall(mine) == mine

    monkeypatch.delenv("HUB_TOKEN")
    assert cache.recall(mine) is None


def test_a_comment_changes_nothing(load: Load, root: Path) -> None:
    load(with_oven=True)

    (root / "plugs" / "mine.py").write_text(f"# mine\n{MINE}")

    assert _is_spared(load)


def test_who_was_rejected_is_not_checked_again_unless_it_is_asked_for(load: Load, root: Path) -> None:
    (root / "plugs" / "needed").mkdir()
    (root / "plugs" / "mine.py").write_text(f"import os\nos.listdir('{root}/plugs/needed')\n{MINE}")
    (root / "plugs" / "needed").rmdir()
    first = load(with_oven=True).rejected["mine"]
    (root / "plugs" / "needed").mkdir()

    again = load(with_oven=False)
    assert again.rejected["mine"] == first
    assert "No such file" in first.cause
    assert first.traceback

    assert set(load(with_oven=True, rejected_anew=True).candidates) == {"mine", "tree"}
    assert set(load(with_oven=False).candidates) == {"mine", "tree"}


def test_reloading_a_catalog_looks_at_what_was_rejected(load: Load, root: Path) -> None:
    (root / "plugs" / "mine.py").write_text(f"open('{root}/plugs/needed')\n{MINE}")
    catalog = load(with_oven=True)
    assert set(catalog.rejected) == {"mine"}
    (root / "plugs" / "needed").touch()

    catalog.reload()

    assert set(catalog.candidates) == {"mine", "tree"}


def test_a_memory_that_cannot_be_written_is_none(load: Load, root: Path) -> None:
    (root / "data" / "checked.json").mkdir()

    assert set(load(with_oven=True).candidates) == {"mine", "tree"}
    assert [file.name for file in (root / "data").iterdir()] == ["checked.json"]


def test_no_folder_is_made_for_it(load: Load, root: Path) -> None:
    """A producer whose database is elsewhere keeps nothing where it stands."""
    (root / "data").rmdir()

    assert set(load(with_oven=True).candidates) == {"mine", "tree"}
    assert not (root / "data").exists()


def test_who_asks_how_it_stands_now_has_all_checked(root: Path) -> None:
    """As a module may do something else each time it is imported."""
    (root / "config" / "bakeoff.yaml").write_text("")
    (root / "config" / "models.yaml").write_text("models:\n  mine: {path: 'plugs/mine.py:Mine'}\n")
    (root / "plugs" / "mine.py").write_text(f"open('{root}/plugs/needed')\n{MINE}")
    (root / "plugs" / "needed").touch()
    configuration = load_configuration(root / "config", environment={})
    assert set(Catalog.of(configuration).candidates) == {"mine"}

    (root / "plugs" / "needed").unlink()

    assert set(Catalog.of(configuration).candidates) == {"mine"}
    assert set(Catalog.of(configuration, anew=True).rejected) == {"mine"}


def test_what_a_signal_model_works_with_is_remembered(load: Load, root: Path) -> None:
    (root / "plugs" / "trend.py").write_text(
        "class Trend:\n"
        "    artefacts = ('trend',)\n"
        "    def __init__(self, data, artefacts): ...\n"
        "    def generate_signals(self, symbols, as_of): return []\n"
        "    def explain(self, symbol): return {}\n"
    )
    (root / "config" / "models.yaml").write_text(
        "models: {trend: {kind: signal, path: 'plugs/trend.py:Trend'}}"
    )
    load(with_oven=True)

    assert load(with_oven=False).candidates["trend"].artefacts == ("trend",)


def test_a_check_that_itself_failed_is_not_remembered(load: Load, root: Path) -> None:
    load(with_oven=True)
    [mine] = [one for one in load(with_oven=False).contents.candidates.values() if one.id == "mine"]
    cache = CheckedCache(root / "data" / "other.json", root=root, import_timeout_s=20)
    finding = Rejection(id="mine", version="1.0.0", path=mine.path, cause="it raises", fix="mend it")

    cache.remember([(mine, replace(finding, check_failed=True))])
    assert cache.recall(mine) is None

    cache.remember([(mine, finding)])
    assert cache.recall(mine) == finding
