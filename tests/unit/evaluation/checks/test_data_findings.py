"""Planted traps, each found with its slug, its columns or rows and a cure; and clean data without any."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bakeoff.domain.finding import SLUGS, Finding, Severity
from bakeoff.domain.snapshot_reference_and_split_design import Design
from bakeoff.evaluation.checks.data_findings import findings_on
from bakeoff.evaluation.checks.split_checks import divided_group
from bakeoff.evaluation.datasets.canonical_table import table_of
from bakeoff.evaluation.datasets.sources.read_dataset import SourceReading
from bakeoff.evaluation.datasets.splits.make_split import make_split
from bakeoff.settings.setting_definitions import DatasetSettings

ROWS = 600


def found(
    frame: pd.DataFrame, *, train_rows: int | None = None, seed: int = 0, **design: Any
) -> dict[str, Finding]:
    """The worst finding of each kind on data whose target is `y`."""
    settings = DatasetSettings(source="csv", path="d.csv", target="y")
    reading = SourceReading(frame=frame, target="y", train_rows=train_rows)
    with ThreadPoolExecutor(1) as threads:
        table = table_of(reading, settings, threads, Design(**design))
    split = make_split(table, Design(**design), seed=seed, test_size=0.25)
    by_slug: dict[str, Finding] = {}
    for finding in findings_on(table, split):
        by_slug.setdefault(finding.slug, finding)
    return by_slug


def clean(rows: int = ROWS, seed: int = 0, *, classes: int = 2, columns: int = 6) -> pd.DataFrame:
    """Numbers that tell something of the target, and a category that tells nothing."""
    rs = np.random.RandomState(seed)
    x = rs.standard_normal((rows, columns))
    frame = pd.DataFrame(x, columns=[f"x{place}" for place in range(columns)])
    frame["kind"] = rs.choice(["red", "green", "blue"], rows)
    score = x[:, 0] + 0.5 * x[:, 1] + rs.standard_normal(rows)
    frame["y"] = pd.qcut(score, classes, labels=False) if classes else score
    return frame


def test_clean_data_have_no_finding():
    assert found(clean()) == {}


def repeated() -> pd.DataFrame:
    return pd.concat([clean(), clean().head(60)], ignore_index=True)


def contradicting() -> pd.DataFrame:
    again = clean().head(60)
    return pd.concat([clean(), again.assign(y=1 - again["y"])], ignore_index=True)


def nearly_repeated() -> pd.DataFrame:
    again, rs = clean().head(120), np.random.RandomState(5)
    numbers = [name for name in again if name.startswith("x")]
    again[numbers] += rs.standard_normal((120, len(numbers))) * 1e-4
    return pd.concat([clean(), again], ignore_index=True)


def recoded() -> pd.DataFrame:
    frame = clean(classes=3)
    return frame.assign(outcome=frame["y"].map({0: "low", 1: "middle", 2: "high"}))


def recoded_number() -> pd.DataFrame:
    frame = clean(classes=0)
    return frame.assign(outcome=np.exp(frame["y"]))


def outcome_column() -> pd.DataFrame:
    """What is known only afterwards: an amount that is paid to one class alone."""
    frame, rs = clean(), np.random.RandomState(1)
    return frame.assign(paid=np.where(frame["y"] == 1, 100 + 10 * rs.standard_normal(ROWS), rs.rand(ROWS)))


def outcome_number() -> pd.DataFrame:
    frame, rs = clean(classes=0), np.random.RandomState(1)
    return frame.assign(later=frame["y"] + 0.1 * rs.standard_normal(ROWS))


def missing_in_one_class() -> pd.DataFrame:
    frame, rs = clean(), np.random.RandomState(2)
    lost = rs.rand(ROWS) < np.where(frame["y"] == 1, 0.6, 0.1)
    return frame.assign(x2=frame["x2"].where(~lost))


def with_ids() -> pd.DataFrame:
    return clean().assign(customer=[f"C-{place:05}" for place in range(ROWS)])


def with_constant() -> pd.DataFrame:
    return clean().assign(unit=7)


def subjects() -> pd.DataFrame:
    """Ten rows of each subject, of one class."""
    frame, rs = clean(), np.random.RandomState(3)
    subject = rs.permutation(np.repeat(np.arange(60), 10))
    label = rs.randint(0, 2, 60)
    return frame.assign(subject=[f"S{place}" for place in subject], y=label[subject])


def numbered_subjects() -> pd.DataFrame:
    frame = subjects()
    return frame.assign(subject=frame["subject"].str[1:].astype(int))


def dates() -> pd.DataFrame:
    """The target drifts with the time."""
    frame, rs = clean(), np.random.RandomState(4)
    frame["when"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rs.permutation(ROWS), unit="D")
    order = frame["when"].rank().to_numpy()
    return frame.assign(y=(np.sin(order / 40) + 0.3 * rs.standard_normal(ROWS) > 0).astype(int))


def text_dates() -> pd.DataFrame:
    frame = dates()
    return frame.assign(when=frame["when"].dt.strftime("%Y-%m-%d"))


def few_positives() -> pd.DataFrame:
    frame = clean()
    return frame.assign(y=(np.arange(ROWS) % 30 == 0).astype(int))


TRAPS: dict[str, tuple[Callable[[], pd.DataFrame], str, tuple[str, ...], str]] = {
    "repeated rows": (repeated, "duplicate-rows", (), "remove the repeats"),
    "repeated rows on both sides": (repeated, "split-overlap", (), "remove the repeats"),
    "contradicting labels": (contradicting, "contradicting-labels", (), "mend the labels"),
    "nearly repeated rows": (nearly_repeated, "near-duplicate-rows", (), "`group: COLUMN`"),
    "a recoded target": (recoded, "target-copy", ("outcome",), "`drop: [outcome]`"),
    "a recoded number": (recoded_number, "target-copy", ("outcome",), "`drop: [outcome]`"),
    "an outcome": (outcome_column, "leaky-feature", ("paid",), "`drop: [paid]`"),
    "a later number": (outcome_number, "leaky-feature", ("later",), "`drop: [later]`"),
    "missing in one class": (missing_in_one_class, "missing-by-class", ("x2",), "`drop: [x2]`"),
    "ids": (with_ids, "id-like", ("customer",), "`drop: [customer]`"),
    "a constant": (with_constant, "useless-column", ("unit",), "`drop: [unit]`"),
    "subjects": (subjects, "group-overlap", ("subject",), "`group: subject`"),
    "numbered subjects": (numbered_subjects, "group-overlap", ("subject",), "`group: subject`"),
    "dates": (dates, "time-order", ("when",), "`time: when`"),
    "dates as text": (text_dates, "time-order", ("when",), "`time: when`"),
    "twenty positive rows": (few_positives, "tiny-class", (), "`folds: 5`"),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_is_found_with_its_column_and_cure(trap: str):
    make, slug, columns, cure = TRAPS[trap]
    finding = found(make())[slug]
    assert finding.columns == columns
    assert cure in finding.cure
    assert finding.slug in SLUGS


def test_a_trap_is_told_with_its_figures_and_rows():
    overlap = found(repeated())["split-overlap"]
    assert overlap.severity is Severity.HIGH
    assert overlap.message == "26 of 165 test rows have the same features as a training row"
    assert (overlap.rows, len(overlap.examples)) == (26, 5)


def test_one_trap_raises_no_other_alarm():
    seen = {trap: set(found(make())) - {slug} for trap, (make, slug, _, _) in TRAPS.items()}
    beside = {"duplicate-rows", "split-overlap"}
    also = {
        "repeated rows": beside,
        "repeated rows on both sides": beside,
        "contradicting labels": {"split-overlap"},
        "subjects": {"leaky-feature"},  # nothing but the label of each subject
        "numbered subjects": {"leaky-feature"},
        "dates as text": {"text-dates"},
    }
    assert {trap: more - also.get(trap, set()) for trap, more in seen.items() if more} == {
        trap: set() for trap in seen if seen[trap]
    }


def test_parts_that_differ_are_found_where_the_data_say_how_to_split():
    frame = clean()
    frame.loc[400:, ["x3", "x4"]] += 1.0
    shift = found(frame, train_rows=400)["distribution-shift"]
    assert set(shift.columns[:2]) == {"x3", "x4"}
    assert "distribution-shift" not in found(clean(), train_rows=400)


def test_a_shift_of_spread_and_one_of_correlation_are_found():
    frame = clean(2000)
    frame.loc[1000:, "x2"] *= 3
    assert "distribution-shift" in found(frame, train_rows=1000)
    frame = clean(2000)
    frame.loc[1000:, "x2"] = frame.loc[1000:, "x3"]
    assert "distribution-shift" in found(frame, train_rows=1000)


def test_nobody_is_advised_to_drop_the_column_that_names_a_group():
    """Without it the rows of a subject are still on both sides, and nothing would tell."""
    assert list(found(subjects())) == ["group-overlap"]


def test_a_declared_group_or_time_answers_the_finding():
    assert "group-overlap" not in found(subjects(), group="subject")
    assert "time-order" not in found(dates(), time="when")


def divided(frame: pd.DataFrame, **design: Any) -> Finding | None:
    """What is said of the group `subject` that the dataset declares, in a run of this design."""
    settings = DatasetSettings(source="csv", path="d.csv", target="y", group="subject")
    reading = SourceReading(frame=frame, target="y", train_rows=None)
    with ThreadPoolExecutor(1) as threads:
        table = table_of(reading, settings, threads, Design(**design))
    return divided_group(table, make_split(table, Design(**design), seed=0, test_size=0.25))


def test_a_declared_group_that_the_split_divides_is_a_grave_finding_whatever_the_labels_are():
    frame = clean().assign(subject=[f"s{row % 60}" for row in range(ROWS)], day=np.arange(ROWS), fold=0)
    frame.loc[300:, "fold"] = 1
    by_time, by_fold = divided(frame, time="day"), divided(frame, fold_column="fold")
    assert by_time is not None
    assert by_fold is not None
    assert (by_time.slug, by_time.severity, by_time.columns) == ("group-overlap", Severity.HIGH, ("subject",))
    assert "100% of the test rows" in by_time.message
    assert by_time.cure.startswith("`--group subject` instead of `--time day`; ")
    assert by_fold.cure.startswith("`--group subject` instead of `--fold-column fold`; ")
    assert divided(frame, group="subject") is None


def test_few_rows_of_a_divided_group_are_a_lesser_finding_and_missing_groups_are_no_group():
    whole = clean().assign(subject=np.arange(ROWS) // 5 + 0.0, day=np.arange(ROWS))
    assert divided(whole.assign(subject=whole["subject"].where(whole.index % 2 == 0)), time="day") is None
    late = whole.assign(subject=[*whole["subject"][:-5], 0, 1, 2, 3, 4])
    finding = divided(late, time="day")
    assert finding is not None
    assert (finding.severity, "3% of the test rows" in finding.message) == (Severity.MEDIUM, True)


def test_the_cure_of_a_group_that_a_split_by_time_divides_can_be_followed():
    frame = subjects().assign(day=np.arange(ROWS))
    assert found(frame, time="day")["group-overlap"].cure.startswith(
        "`--group subject` instead of `--time day`; "
    )


def test_beside_a_declared_group_the_time_is_less_serious_and_its_cure_says_what_it_replaces():
    frame = dates()
    frame["shop"] = np.arange(len(frame)) // 10
    finding = found(frame, group="shop")["time-order"]
    assert finding.severity is Severity.MEDIUM
    assert finding.cure.startswith("`time: when`, instead of `group: shop`; ")
    assert found(frame)["time-order"].severity is Severity.HIGH


def test_an_age_that_predicts_is_no_group():
    frame, rs = clean(), np.random.RandomState(6)
    age = rs.randint(18, 90, ROWS)
    frame = frame.assign(age=age, y=(age + 15 * rs.standard_normal(ROWS) > 54).astype(int))
    assert "group-overlap" not in found(frame)


def test_rows_of_few_different_values_repeat_by_nature():
    rs = np.random.RandomState(0)
    frame = pd.DataFrame({"a": rs.randint(0, 3, ROWS), "b": rs.randint(0, 3, ROWS)})
    assert found(frame.assign(y=rs.randint(0, 2, ROWS))) == {}


def test_long_text_is_no_id():
    rs = np.random.RandomState(0)
    words = ["good", "bad", "service", "late", "parcel", "never", "again", "friendly", "thanks"]
    frame = clean().assign(review=[" ".join(rs.choice(words, 12)) for _ in range(ROWS)])
    assert found(frame) == {}


def test_classes_that_training_never_shows_are_named():
    frame = clean(80).assign(y=["a", "b"] * 30 + ["c", "a"] * 10)
    assert "'c'" in found(frame, train_rows=60)["unseen-class"].message


def test_the_first_fold_is_looked_at():
    assert found(repeated(), folds=5)["split-overlap"].rows > 5
    assert found(clean(), folds=5) == {}


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits", "diabetes"])
def test_known_data_sets_have_no_finding_of_high_severity(name: str):
    """The petal length of iris is a strong feature, and no leak."""
    from sklearn import datasets

    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame.rename(columns={"target": "y"})
    assert [one.slug for one in found(frame).values() if one.severity is not Severity.LOW] == []


def test_of_fifteen_clean_sets_at_most_one_has_an_alarm():
    alarms = {}
    for seed in range(15):
        shape = {"rows": [120, 400, 1500][seed % 3], "classes": [2, 3, 0][seed // 3 % 3]}
        data = clean(seed=seed, columns=[4, 12][seed % 2], **shape)
        if seen := found(data, seed=seed):
            alarms[seed] = {slug: one.message for slug, one in seen.items()}
    assert len(alarms) <= 1, alarms


def test_of_many_rows_a_sample_is_looked_at_and_said():
    rs = np.random.RandomState(0)
    frame = pd.DataFrame(rs.standard_normal((40_000, 3)), columns=["a", "b", "c"])
    frame = frame.assign(y=(frame["a"] > 0).astype(int))
    assert found(frame)["leaky-feature"].message == (
        "a alone predicts y: AUC 1.000 (in a sample of 12,000 rows)"
    )


def test_groups_are_found_among_many_rows():
    rs = np.random.RandomState(0)
    group = rs.permutation(np.repeat(np.arange(4_000), 10))
    label = rs.randint(0, 2, 4_000)
    frame = pd.DataFrame({"a": rs.standard_normal(40_000), "device": group, "y": label[group]})
    assert found(frame)["group-overlap"].columns == ("device",)


@pytest.mark.parametrize(
    "text", ["2026-03-01", "2026-03-01 12:30:00", "2026-03-01T12:30Z", "1.3.2026", "03/01/2026"]
)
def test_text_that_looks_like_dates_is_told(text: str):
    when = found(clean().assign(when=[text, None] * (ROWS // 2)))["text-dates"]
    assert (when.columns, when.cure) == (("when",), "`dtypes: {when: datetime}` if it is")


def test_text_that_holds_more_than_dates_is_not_taken_for_dates():
    assert "text-dates" not in found(
        clean().assign(when=["2026-03-01", "2026-03-01 was a Sunday"] * (ROWS // 2))
    )


@pytest.mark.parametrize("value", [None, 7, "x", 1.5])
def test_a_column_of_one_value_or_none_is_of_no_use(value: object):
    [useless] = found(clean().assign(unit=pd.Series([value] * ROWS))).values()
    assert (useless.slug, useless.columns) == ("useless-column", ("unit",))


def test_a_constant_and_an_id_are_told_beyond_the_first_rows():
    nearly = [1] * (ROWS - 1) + [2]
    assert found(clean().assign(unit=nearly)) == {}
    assert found(clean().assign(number=[*range(0, 2 * (ROWS - 60), 2), *range(0, 120, 2)])) == {}


def test_few_rows_are_told():
    assert found(clean(40))["small-data"].message == "only 40 rows: the metrics say little"


@pytest.mark.parametrize("repeats", [0, 6_000])
def test_repeated_rows_are_found_among_very_many_rows(repeats: int):
    frame = pd.DataFrame(np.random.RandomState(0).standard_normal((210_000, 2)), columns=["a", "b"])
    frame = pd.concat([frame, frame.head(repeats)], ignore_index=True)
    seen = found(frame.assign(y=np.arange(len(frame)) % 2))
    assert ("split-overlap" in seen, "duplicate-rows" in seen) == (repeats > 0, repeats > 0)
