"""What a run asks for and what the dataset says of itself become one design, or are refused with the cure."""

import pytest

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.snapshot_reference_and_split_design import Design
from bakeoff.evaluation.planning.declared_run_options import RunRequest
from bakeoff.evaluation.planning.split_design_request import (
    DesignRequest,
    design_of,
    refuse_race,
    refuse_spread,
)
from bakeoff.settings.setting_definitions import DatasetSettings


def the_design(asked: dict | None = None, **facts) -> Design:
    dataset = DatasetSettings(source="csv", path="d.csv", target="y", **facts)
    return design_of(None if asked is None else DesignRequest(**asked), dataset)


def test_a_run_that_asks_for_nothing_has_one_split():
    assert the_design() == Design(folds=1, repeats=1, stratify=True)


def test_what_the_dataset_says_of_itself_holds_for_every_run():
    assert the_design(group="who") == Design(group="who")
    assert the_design({"folds": 5, "repeats": 2}, group="who") == Design(folds=5, repeats=2, group="who")
    assert the_design(weight="w") == Design(weight="w")
    assert the_design({"weight": "v", "folds": 2}, weight="w") == Design(weight="v", folds=2)
    assert the_design({"folds": 5}, time="day") == Design(folds=5, time="day")
    assert the_design(fold_column="lot", group="who") == Design(fold_column="lot", group="who")


def test_what_a_run_asks_for_goes_before_what_the_dataset_says():
    assert the_design({"group": "firm"}, group="who") == Design(group="firm")
    assert the_design({"time": "day"}, group="who") == Design(time="day")
    assert the_design({"group": "who"}, group="who", time="day") == Design(group="who")
    assert the_design({"folds": 5}, fold_column="lot") == Design(folds=5)
    assert the_design({"folds": 1}, fold_column="lot") == Design(folds=1)
    assert the_design({"fold_column": "other"}, fold_column="lot") == Design(fold_column="other")
    assert the_design({"fold_column": "lot"}, time="day") == Design(fold_column="lot")


@pytest.mark.parametrize(
    ("asked", "facts", "says"),
    [
        ({"group": "who", "time": "day"}, {}, "one run goes by one of them: leave one out"),
        ({}, {"group": "who", "time": "day"}, "say --group who, or --time day"),
        (
            {"fold_column": "lot", "folds": 5},
            {},
            "foldColumn is 'lot', which says what is tested when: leave folds",
        ),
        ({"fold_column": "lot", "repeats": 2}, {}, "leave repeats out"),
        ({"fold_column": "lot", "time": "day"}, {}, "leave time out"),
        ({"repeats": 2}, {"fold_column": "lot"}, "repeats is 2, and lot gives the same folds each time"),
        ({"folds": 5, "repeats": 2, "time": "day"}, {}, "the order of day gives the same folds each time"),
        ({"repeats": 2}, {}, "one split is made once: say how many folds, such as 5"),
        ({"seeds": 2}, {}, "seeds is 2: it takes 3 to tell how much fits differ"),
        (
            {"folds": 50, "seeds": 21},
            {},
            "50 folds, 21 seeds are 1,050 fits of each candidate: 1,000 are the most",
        ),
        ({"gap": 3}, {}, "gap is 3, and without time no row comes before another"),
        ({"folds": 5}, {"split_column": "part"}, "the dataset says by splitColumn which rows are tested"),
        ({"folds": 5}, {"test_path": "t.csv"}, "remove testPath from the dataset"),
    ],
)
def test_what_makes_no_sense_together_is_refused_with_the_cure(asked, facts, says):
    with pytest.raises(InvalidInputError) as refused:
        the_design(asked, **facts)
    assert says in str(refused.value)
    assert refused.value.field == "design"


@pytest.mark.parametrize(
    ("design", "says"),
    [
        ({"folds": 0}, "design.folds is 0: input should be greater than or equal to 1"),
        ({"fold": 5}, "design.fold is no key of it; did you mean 'folds'?"),
        ({"foldColumn": 5}, "design.foldColumn is 5: input should be a valid string"),
        (5, "design is 5: "),
    ],
)
def test_an_error_within_the_design_names_the_whole_key(design, says):
    with pytest.raises(InvalidInputError) as refused:
        RunRequest.parse({"dataset": "d", "design": design})
    assert says in str(refused.value)


def test_the_keys_of_a_message_are_those_of_the_record_of_a_run():
    sent = {
        "folds": 4,
        "repeats": 2,
        "stratify": False,
        "group": "who",
        "time": None,
        "gap": 0,
        "foldColumn": None,
        "weight": "w",
        "seeds": 3,
    }

    request = RunRequest.parse({"dataset": "d", "design": sent})

    dataset = DatasetSettings(source="csv", path="d.csv", target="y")
    assert design_of(request.design, dataset).to_record() == sent


@pytest.mark.parametrize(
    ("design", "metric", "message"),
    [
        (Design(), "accuracy", "say how many, such as --folds 5"),
        (Design(folds=5, time="day"), "accuracy", "in the order of day .*: leave race out"),
        (Design(folds=5, seeds=3), "accuracy", "race is true and seeds is 3, .*: leave one of them out"),
        (Design(folds=5), "metrics.own:points", "'metrics.own:points', which ranks, is a function"),
    ],
)
def test_a_race_that_makes_no_sense_is_refused_with_the_cure(
    design: Design, metric: str, message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        refuse_race(design, [metric])


def test_a_race_goes_with_repeats_groups_and_a_fold_column() -> None:
    for design in (Design(folds=5, repeats=2, group="person"), Design(fold_column="fold")):
        refuse_race(design, ["accuracy", "metrics.own:points"])


def test_folds_that_are_jobs_of_their_own_need_folds():
    refuse_spread(Design(folds=2), race=False)
    refuse_spread(Design(fold_column="lot"), race=False)
    with pytest.raises(InvalidInputError, match=r"spread is true, .*: say how many, such as --folds 5"):
        refuse_spread(Design(seeds=3), race=False)
    with pytest.raises(InvalidInputError, match=r"race and spread are true, .* leave one of them out"):
        refuse_spread(Design(folds=5), race=True)
