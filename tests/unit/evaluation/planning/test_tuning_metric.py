"""By what candidates choose: the rules of a run, written into them."""

import math
from dataclasses import replace

import pytest

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.domain.tuning import ChoosingRules, Tuning
from bakeoff.evaluation.jobs.choosing.inner_folds import scoring_rules
from bakeoff.evaluation.planning.tuning_request import with_choosing_rules

PLAIN = Candidate(id="m", version="1", path="zoo:M")
TUNED = replace(PLAIN, tune=Tuning(params={"C": [1, 2]}))
RULES = ScoringRules(metrics=("f1", "recall"), positive_label="yes")


def test_a_candidate_that_chooses_nothing_stays_as_it_is() -> None:
    assert with_choosing_rules(PLAIN, RULES, TargetKind.BINARY) is PLAIN


def test_a_search_goes_by_the_metric_that_ranks_unless_its_entry_names_one() -> None:
    found = with_choosing_rules(TUNED, RULES, TargetKind.BINARY)
    own = replace(PLAIN, tune=Tuning(params={"C": [1]}, rules=ChoosingRules(metric="roc_auc")))
    kept = with_choosing_rules(own, RULES, TargetKind.BINARY)

    assert found.tune is not None
    assert kept.tune is not None
    assert found.tune.rules == ChoosingRules(metric="f1", positive_label="yes")
    assert kept.tune.rules.metric == "roc_auc"


@pytest.mark.parametrize(("of_the_run", "kept"), [(1.0, 1.0), (math.nan, None)])
def test_what_a_division_by_zero_gives_is_that_of_the_run(of_the_run: float, kept: float | None) -> None:
    found = with_choosing_rules(TUNED, replace(RULES, zero_division=of_the_run), TargetKind.BINARY)

    assert found.tune is not None
    assert found.tune.rules.zero_division == kept
    assert str(scoring_rules(found.tune.rules).zero_division) == str(of_the_run)
    assert Candidate.from_json(found.to_json()) == found


def test_what_is_chosen_by_survives_the_database() -> None:
    found = with_choosing_rules(TUNED, replace(RULES, tuned=True), TargetKind.BINARY)

    assert Candidate.from_json(found.to_json()) == found
    assert found.tuned_threshold is not None


@pytest.mark.parametrize("metric", ["recall", "precision", "roc_auc"])
def test_no_threshold_is_best_by_a_metric_that_all_or_nothing_pleases(metric: str) -> None:
    rules = replace(RULES, metrics=(metric,), tuned=True)

    with pytest.raises(InvalidInputError, match=f"there is no best one by {metric}: name one of f1"):
        with_choosing_rules(PLAIN, rules, TargetKind.BINARY)


def test_a_function_cannot_guide_a_search() -> None:
    rules = replace(RULES, metrics=("shop.metrics:profit",))

    with pytest.raises(InvalidInputError, match=r"m is tuned by shop\.metrics:profit, which is a function"):
        with_choosing_rules(TUNED, rules, TargetKind.BINARY)
