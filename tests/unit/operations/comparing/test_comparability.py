"""Which results can be compared, and how it is said of those that cannot."""

from dataclasses import replace
from math import nan

import pytest
from fixtures.values.samples import DATASET, RULES, a_candidate, a_job, a_result, a_run

from bakeoff.domain.errors import InvalidInputError
from bakeoff.operations.comparing.comparability import ComparedResult, refuse_if_incomparable

A, B = "aaaa1111-0000-4000-8000-000000000000", "bbbb2222-0000-4000-8000-000000000000"


def compared(model, id_, name, **changed):
    run = a_run(id=id_, name=name, **changed)
    job = a_job(run, candidate=a_candidate(id=model))
    return ComparedResult(name=model, run=run, job=job, result=a_result(job))


def refusal(*results):
    with pytest.raises(InvalidInputError) as refused:
        refuse_if_incomparable(results)
    return str(refused.value)


def test_results_of_one_split_and_the_same_rules_are_compared():
    refuse_if_incomparable([compared("tree", A, "spring"), compared("forest", B, "autumn", seed=1)])


def test_two_splits_are_named_with_the_run_that_would_mend_it():
    tree = compared("tree", A, "spring", dataset=replace(DATASET, split_id="5f3a" * 8))
    forest = compared("forest", B, "autumn", dataset=replace(DATASET, split_id="9c01" * 8), seed=7)

    assert refusal(tree, forest) == (
        "tree of run spring (aaaa1111) was scored on split 5f3a5f3a5f3a (seed 0, test size 0.25), "
        "forest of run autumn (bbbb2222) on split 9c019c019c01 (seed 7, test size 0.25): "
        "run both on one snapshot by the same rules, such as `bakeoff run flowers --models tree,forest`"
    )


def test_of_two_datasets_the_snapshots_are_named_and_not_the_splits():
    tree = compared("tree", A, "spring")
    other = replace(DATASET, name="birds", dataset_id="b" * 32, split_id="c" * 32)

    assert (
        "on dataset flowers, snapshot dddddddddddd, tree of run autumn (bbbb2222) on dataset birds, "
        "snapshot bbbbbbbbbbbb: run tree on one snapshot"
        in refusal(tree, compared("tree", B, "autumn", dataset=other))
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"threshold": 0.7}, ("with the default threshold", "with threshold 0.7")),
        ({"positive_label": "no"}, ("with positive label yes", "with positive label no")),
        ({"average": "macro"}, ("with average binary", "with average macro")),
        ({"seal": 0.2}, ("with seal 0.0", "with seal 0.2")),
        ({"zero_division": 1.0}, ("with zero division 0.0", "with zero division 1.0")),
    ],
)
def test_each_rule_of_scoring_that_differs_is_named_with_both_values(changed, said):
    tree = compared("tree", A, "spring")
    forest = compared("forest", B, "autumn", rules=replace(RULES, **changed))

    told = refusal(tree, forest)

    assert f"was scored {said[0]}, forest" in told
    assert f"(bbbb2222) {said[1]}: run both" in told


def test_other_metrics_are_no_other_rules_and_nan_is_the_same_as_nan():
    rules = replace(RULES, zero_division=nan)
    same = replace(RULES, zero_division=float("nan"), metrics=("accuracy",))
    refuse_if_incomparable([compared("a", A, "one", rules=rules), compared("b", B, "two", rules=same)])


def test_of_three_the_one_that_differs_is_named():
    two = [compared("tree", A, "spring"), compared("beech", A, "spring")]
    forest = compared("forest", B, "autumn", dataset=replace(DATASET, split_id="9c01" * 8))

    told = refusal(*two, forest)

    assert told.startswith("tree of run spring (aaaa1111) was scored on split eeee")
    assert told.endswith(
        "run tree, beech and forest on one snapshot by the same rules, such as "
        "`bakeoff run flowers --models tree,beech,forest`"
    )
