"""Saved models of a signal model belong together: by their version, and by the training that made them."""

import pickle
from datetime import date
from pathlib import Path
from threading import Barrier, Thread

import pytest
from fixtures.values.memory_registry import InMemoryRegistry

from bakeoff.domain.candidate import Candidate, CandidateKind
from bakeoff.domain.errors import InvalidInputError, NotFoundError, TamperedError
from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.model_version import VersionFilter, VersionOrigin
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef, TargetKind
from bakeoff.evaluation.reuse.used_files_unchanged import sha256
from bakeoff.evaluation.signals.accept_and_save_training import (
    TrainedArtefact,
    accept_training,
    save_together,
)
from bakeoff.evaluation.signals.artefacts_for_signal_cell import (
    TRAINING,
    copy_out,
    resolve_artefacts,
    unpickle_copies,
)
from registry.models.model_description import Description
from registry.models.registry_interface import BaseModelRegistry, Fitted

NAMES = ("level", "slope")
A_DAY = date(2025, 1, 30)
A_MARKET = DatasetRef(
    dataset_id="d" * 32,
    split_id="e" * 32,
    name="market",
    target="signal",
    target_kind=TargetKind.SIGNALS,
    classes=(),
    train_rows=90,
    test_rows=3,
    columns=4,
)


def a_model(version: str | None = None) -> Candidate:
    params = {} if version is None else {"artefact_version": version}
    return Candidate(
        id="momentum", version="v1", kind=CandidateKind.SIGNAL, path="a:B", params=params, artefacts=NAMES
    )


def keep(
    registry: BaseModelRegistry, *versions: str, names: tuple[str, ...] = NAMES, training: str = ""
) -> None:
    for version in versions:
        for name in names:
            metadata = {TRAINING: training or version}
            registry.save_model({"of": f"{name} {version}"}, name, version=version, metadata=metadata)


def versions_of(found: object) -> list[tuple[str, str]]:
    return [(artefact.name, artefact.version) for artefact in found]  # type: ignore[attr-defined]


@pytest.fixture
def registry() -> InMemoryRegistry:
    return InMemoryRegistry()


def test_the_newest_version_that_all_names_have_is_the_one(registry: InMemoryRegistry) -> None:
    keep(registry, "1.0.9", "1.0.10", "1.0.2")

    assert versions_of(resolve_artefacts(a_model(), registry)) == [("level", "1.0.10"), ("slope", "1.0.10")]


def test_the_version_that_the_catalog_asks_for_is_the_one(registry: InMemoryRegistry) -> None:
    keep(registry, "1.0.0", "1.1.0")

    assert versions_of(resolve_artefacts(a_model("1.0.0"), registry)) == [
        ("level", "1.0.0"),
        ("slope", "1.0.0"),
    ]


def test_half_a_pair_is_never_used(registry: InMemoryRegistry) -> None:
    keep(registry, "1.0.0")
    keep(registry, "1.0.1", names=("level",))

    assert versions_of(resolve_artefacts(a_model(), registry)) == [("level", "1.0.0"), ("slope", "1.0.0")]


def test_models_of_two_trainings_are_no_pair_though_they_have_one_version(registry: InMemoryRegistry) -> None:
    keep(registry, "1.0.0", names=("level",), training="one")
    keep(registry, "1.0.0", names=("slope",), training="other")

    with pytest.raises(NotFoundError, match="works with saved models of one training, and there are none"):
        resolve_artefacts(a_model(), registry)


def test_a_version_that_is_not_there_is_an_error_that_lists_those_that_are(
    registry: InMemoryRegistry,
) -> None:
    keep(registry, "1.0.0")
    keep(registry, "1.0.1", names=("level",))

    with pytest.raises(NotFoundError) as caught:
        resolve_artefacts(a_model("1.0.1"), registry)

    assert str(caught.value) == (
        "momentum works with saved models of one training and of version 1.0.1, and there are none "
        "(level: 1.0.1, 1.0.0; slope: 1.0.0)"
    )


def test_where_nothing_was_ever_saved_nothing_is_found() -> None:
    with pytest.raises(NotFoundError, match=r"\(level: none; slope: none\)"):
        resolve_artefacts(a_model(), None)


def test_copies_are_loaded_by_the_names_of_the_class(registry: InMemoryRegistry, tmp_path: Path) -> None:
    keep(registry, "1.0.0")
    copies = copy_out(resolve_artefacts(a_model(), registry), registry, tmp_path)

    assert unpickle_copies(copies) == {"level": {"of": "level 1.0.0"}, "slope": {"of": "slope 1.0.0"}}


def test_a_copy_that_was_changed_is_not_unpickled(registry: InMemoryRegistry, tmp_path: Path) -> None:
    keep(registry, "1.0.0")
    copies = copy_out(resolve_artefacts(a_model(), registry), registry, tmp_path)
    Path(copies[1].file).write_bytes(pickle.dumps({"of": "somebody else"}))

    with pytest.raises(TamperedError, match="is not the file that was saved"):
        unpickle_copies(copies)


def test_what_was_replaced_since_the_run_began_is_not_copied(
    registry: InMemoryRegistry, tmp_path: Path
) -> None:
    keep(registry, "1.0.0")
    pinned = resolve_artefacts(a_model(), registry)
    for name in NAMES:
        registry.delete_model(f"{name}/1.0.0")
    registry.used.clear()
    registry.save_model({"of": "another training"}, "level", version="1.0.0")

    with pytest.raises(TamperedError, match="is not what it was when the run began"):
        copy_out(pinned, registry, tmp_path)


def trained(folder: Path, training: str = "") -> tuple[TrainedArtefact, ...]:
    """What the cell of a training left."""
    metadata = {TRAINING: training or new_id()}
    found = []
    for name in NAMES:
        file = folder / f"{name}-{metadata[TRAINING]}.pkl"
        file.write_bytes(pickle.dumps({"of": name}))
        fitted = Fitted(model=file, model_digest=sha256(file))
        found.append(
            TrainedArtefact(
                name=name,
                fitted=fitted,
                description=Description(type="dict", metadata=metadata, origin=VersionOrigin()),
            )
        )
    return tuple(found)


def test_a_training_is_saved_under_one_version_that_none_of_the_names_ever_had(
    registry: InMemoryRegistry, tmp_path: Path
) -> None:
    keep(registry, "1.0.0")
    keep(registry, "1.2.0", names=("slope",))
    registry.delete_model("slope/1.2.0")

    saved = save_together(trained(tmp_path), registry)

    assert [(version.name, version.version) for version in saved] == [("level", "1.0.1"), ("slope", "1.0.1")]


def test_what_one_name_had_before_is_passed_over_and_leaves_no_half(
    registry: InMemoryRegistry, tmp_path: Path
) -> None:
    keep(registry, "1.0.0")
    keep(registry, "1.0.1", names=("slope",))
    registry.delete_model("slope/1.0.1")

    saved = save_together(trained(tmp_path), registry)

    assert [(version.name, version.version) for version in saved] == [("level", "1.0.2"), ("slope", "1.0.2")]
    assert [version.version for version in registry.versions(VersionFilter(name="level"))] == [
        "1.0.2",
        "1.0.0",
    ]


class DiesAfterOne(InMemoryRegistry):
    def save_fitted(self, fitted, model_name, description, version=None):
        if model_name == "slope":
            raise SystemExit
        return super().save_fitted(fitted, model_name, description, version)


def test_of_a_saver_that_is_stopped_in_between_nothing_is_left(tmp_path: Path) -> None:
    registry = DiesAfterOne()

    with pytest.raises(SystemExit):
        save_together(trained(tmp_path), registry)

    assert registry.versions() == []


def test_after_a_saver_that_was_killed_in_between_the_next_one_saves_a_pair(
    registry: InMemoryRegistry, tmp_path: Path
) -> None:
    half = trained(tmp_path)[0]
    registry.save_fitted(half.fitted, half.name, half.description, "1.0.0")
    with pytest.raises(NotFoundError):
        resolve_artefacts(a_model(), registry)

    save_together(trained(tmp_path), registry)

    assert versions_of(resolve_artefacts(a_model(), registry)) == [("level", "1.0.1"), ("slope", "1.0.1")]


def test_trainings_that_are_saved_at_once_are_never_mixed(registry: InMemoryRegistry, tmp_path: Path) -> None:
    start = Barrier(4)

    def train() -> None:
        left = trained(tmp_path)
        start.wait()
        save_together(left, registry)

    threads = [Thread(target=train) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    pairs = {}
    for version in registry.versions():
        pairs.setdefault(version.version, set()).add((version.name, version.metadata[TRAINING]))
    assert len(pairs) == 4
    assert all(len({training for _, training in pair}) == 1 and len(pair) == 2 for pair in pairs.values())


@pytest.mark.parametrize(
    "report",
    [
        None,
        {},
        {"models": {"level": {}}},
        {"models": {"level": {"type": "x"}, "slope": {"type": "x"}}},
        {"models": dict.fromkeys(NAMES, "text")},
    ],
)
def test_what_a_cell_says_of_its_training_in_other_words_is_not_saved(tmp_path: Path, report: object) -> None:
    files = {name: tmp_path / name for name in NAMES}
    for file in files.values():
        file.write_bytes(b"\x80")

    with pytest.raises(InvalidInputError, match="what the cell of momentum says of its training"):
        accept_training(report, files, candidate=a_model(), dataset=A_MARKET, as_of=A_DAY)


def keep_learned(registry: BaseModelRegistry, days: dict[str, str]) -> None:
    for version, day in days.items():
        for name in NAMES:
            metadata = {TRAINING: version, "asOf": day}
            registry.save_model({"of": version}, name, version=version, metadata=metadata)


def test_the_newest_version_that_learned_nothing_after_the_day_is_the_one(registry: InMemoryRegistry) -> None:
    keep_learned(registry, {"1.0.0": "2024-06-30", "1.1.0": "2024-12-31", "1.2.0": "2025-06-30"})

    chosen = [
        resolve_artefacts(a_model(), registry, as_of=date.fromisoformat(day))[0].version
        for day in ("2024-12-30", "2024-12-31", "2025-06-29", "2025-06-30")
    ]

    assert chosen == ["1.0.0", "1.1.0", "1.1.0", "1.2.0"]
    [level, _] = resolve_artefacts(a_model("1.2.0"), registry, as_of=date(2024, 1, 1))
    assert (level.version, level.learned_as_of) == ("1.2.0", "2025-06-30")


def test_where_each_version_learned_later_it_is_said_of_each(registry: InMemoryRegistry) -> None:
    keep_learned(registry, {"1.0.0": "2024-06-30", "1.1.0": "2024-12-31"})

    with pytest.raises(NotFoundError) as caught:
        resolve_artefacts(a_model(), registry, as_of=date(2024, 1, 1))

    assert str(caught.value) == (
        "each saved version of momentum learned from what came after 2024-01-01 "
        "(1.1.0 learned as of 2024-12-31, 1.0.0 learned as of 2024-06-30)"
    )
