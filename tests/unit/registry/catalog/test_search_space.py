"""What a candidate with a search is checked as: with values that a trial might have."""

from bakeoff.domain.candidate import Candidate, PipelineStep
from bakeoff.domain.tuning import Tuning
from registry.catalog.search_space import with_first_values

SPACE = {"depth": {"integers": [2, 9]}, "way": ["gini", "entropy"]}


def test_a_constructor_gets_a_value_of_each_parameter_that_only_the_search_gives() -> None:
    tuned = Candidate(id="t", version="1", path="zoo:T", params={"way": "mine"}, tune=Tuning(params=SPACE))

    checked = with_first_values(tuned)

    assert checked.params == {"way": "mine", "depth": 2}
    assert checked.tune is None


def test_so_does_the_step_that_has_it() -> None:
    steps = (PipelineStep(path="zoo:Scale"), PipelineStep(path="zoo:T"))
    tuned = Candidate(id="t", version="1", steps=steps, tune=Tuning(params=SPACE))

    assert [dict(step.params) for step in with_first_values(tuned).steps] == [{}, {"depth": 2, "way": "gini"}]


def test_a_candidate_without_a_search_is_checked_as_it_is() -> None:
    plain = Candidate(id="t", version="1", path="zoo:T")

    assert with_first_values(plain) is plain
