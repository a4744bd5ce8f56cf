"""Training signal models, and asking them why: what goes wrong."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.projects.signals import LAST, SignalProject, a_signal_project

from bakeoff.cell.inside.cell_api import CellApi, EntryFailure
from bakeoff.domain.errors import InvalidInputError, NotFoundError
from bakeoff.evaluation.signals.signal_run_plan import market_of, pinned
from bakeoff.evaluation.signals.train_in_cell import train
from bakeoff.operations.signals import train_and_explain
from bakeoff.operations.signals.signal_model_cells import OneOffCellFailedError, prepared_inputs

MODELS = {
    "optimist": {"path": "Says"},
    "untrained": {},
    "half": {"path": "LearnsHalf"},
    "lock": {"path": "LearnsALock"},
    "mumbles": {},
}


@pytest.fixture(scope="module")
def project() -> Iterator[SignalProject]:
    with a_signal_project(MODELS) as project:
        yield project


@pytest.mark.parametrize(
    ("model", "kind", "said"),
    [
        ("half", "BadTraining", "train of plugins/signals.py:LearnsHalf returned learned_level, where a"),
        ("lock", "NotPickled", "learned_level cannot be pickled"),
    ],
)
def test_what_cannot_be_saved_is_told_in_the_words_of_its_author(
    project: SignalProject, tmp_path: Path, model: str, kind: str, said: str
) -> None:
    """In this process: what is a fault there, ends a cell."""
    market = pinned(market_of(project.configuration), project.configuration, as_of=None)
    candidate = project.context.catalog().get(model)
    outputs = {
        name: os.open(tmp_path / name, os.O_WRONLY | os.O_CREAT, 0o600) for name in candidate.artefacts
    }
    with (
        (tmp_path / "report").open("wb") as report,
        prepared_inputs(project.context, candidate, (), dataset=market.ref, as_of=LAST) as desk,
    ):
        inside = CellApi(scratch=tmp_path, report=report.fileno(), outputs=outputs)
        with pytest.raises(EntryFailure) as caught:
            train({**desk.payload(audited=False), "seed": 0}, inside)

    assert caught.value.type == kind
    assert said in caught.value.message
    for descriptor in inside._outputs.values():
        os.close(descriptor)


def test_what_works_without_saved_models_is_not_trained(project: SignalProject) -> None:
    with pytest.raises(InvalidInputError, match="optimist works without saved models"):
        train_and_explain.train_signal_model(project.context, "optimist", as_of=None)


def test_an_explanation_that_is_none_is_refused(project: SignalProject) -> None:
    with pytest.raises(OneOffCellFailedError, match="explain of mumbles returned 'because', where a mapping"):
        train_and_explain.explain_signal(project.context, "mumbles", "AAA", as_of=None)


def test_what_was_never_trained_cannot_explain_itself(project: SignalProject) -> None:
    with pytest.raises(
        NotFoundError, match="`bakeoff signals train untrained --as-of 2025-01-30` trains and saves them"
    ):
        train_and_explain.explain_signal(project.context, "untrained", "AAA", as_of=None)
