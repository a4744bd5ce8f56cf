"""Training signal models, and asking them why: in cells, without any worker."""

from collections.abc import Iterator

import pytest
from fixtures.signals import SignalProject, a_signal_project

from domain.errors import InvalidInputError, NotFoundError
from registry.opening import open_registry
from tasks import explaining, training
from tasks.alone import FailedAloneError

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
    ("model", "said"),
    [
        ("half", "train of plugins/signals.py:LearnsHalf returned learned_level, where a Trained with"),
        ("lock", "lock failed in save: NotPickled: learned_level cannot be pickled"),
    ],
)
def test_a_model_that_cannot_be_trained_leaves_nothing(project: SignalProject, model: str, said: str) -> None:
    with pytest.raises(FailedAloneError) as caught:
        training.train(model, as_of=None)

    assert said in str(caught.value)
    assert open_registry(project.configuration).versions() == []


def test_what_works_without_saved_models_is_not_trained(project: SignalProject) -> None:
    with pytest.raises(InvalidInputError, match="optimist works without saved models"):
        training.train("optimist", as_of=None)


def test_an_explanation_that_is_none_is_refused(project: SignalProject) -> None:
    with pytest.raises(FailedAloneError, match="explain of mumbles returned 'because', where a mapping"):
        explaining.explain("mumbles", "AAA", as_of=None)


def test_what_was_never_trained_cannot_explain_itself(project: SignalProject) -> None:
    with pytest.raises(NotFoundError, match="`bakeoff signals train untrained` trains and saves them"):
        explaining.explain("untrained", "AAA", as_of=None)
