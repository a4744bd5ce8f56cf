"""The section `schedules` of the configuration."""

from pathlib import Path

import pytest
from annotated_types import Ge, Gt, Le, Lt

from bakeoff.domain.errors import InvalidInputError
from bakeoff.evaluation.planning.declared_run_options import RunSpec
from bakeoff.settings.configuration import load
from bakeoff.settings.schedule_and_suite_settings import ScheduleSettings

DATASETS = "datasets: {iris: {source: sklearn, name: iris}, wine: {source: sklearn, name: wine}}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    return tmp_path / "config" / "bakeoff.yaml"


def scheduled(file: Path, text: str, **environment: str) -> dict[str, ScheduleSettings]:
    file.write_text(text)
    return dict(load(file, environment=environment).settings.scheduled)


def refusal(file: Path, text: str) -> str:
    with pytest.raises(InvalidInputError) as refused:
        scheduled(file, text)
    return str(refused.value).removeprefix(f"{file}: ")


def test_the_default_is_a_daily_retrain_of_the_only_dataset(file: Path) -> None:
    found = scheduled(file, "datasets: {iris: {source: sklearn, name: iris}}")

    assert found.keys() == {"daily"}
    daily = found["daily"]
    assert (daily.cron, daily.timezone, daily.dataset, daily.models) == ("0 3 * * *", "UTC", "iris", None)
    assert (daily.save, daily.missed, daily.promotion) == ("best", "latest", None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        DATASETS,
        "schedules: {}\ndatasets: {iris: {source: sklearn, name: iris}}",
    ],
)
def test_nothing_is_scheduled_without_a_dataset_with_several_or_on_demand(file: Path, text: str) -> None:
    assert scheduled(file, text) == {}


def test_the_default_saves_nothing_where_there_is_no_registry(file: Path) -> None:
    text = "modelRegistry: {backend: none}\ndatasets: {iris: {source: sklearn, name: iris}}"

    assert scheduled(file, text)["daily"].save == "none"


def test_a_schedule_says_all_that_its_runs_need(file: Path) -> None:
    found = scheduled(
        file,
        DATASETS
        + """
schedules:
  nightly:
    cron: "30 2 * * mon-fri"
    timezone: Europe/Berlin
    dataset: wine
    models: [ridge, knn]
    metrics: [f1]
    seed: 7
    testSize: 0.5
    priority: -10
    save: all
    saveAs: wines
    missed: all
    promotion: {stage: Staging, gates: [{metric: f1, min: 0.5}]}
  often: {every: 6h, dataset: iris}
""",
    )

    nightly, often = found["nightly"], found["often"]
    assert (str(nightly.to_schedule("n").rule), str(often.to_schedule("o").rule)) == (
        "30 2 * * mon-fri Europe/Berlin",
        "every 6h",
    )
    assert (nightly.models, nightly.metrics, nightly.seed, nightly.test_size) == (
        ["ridge", "knn"],
        ["f1"],
        7,
        0.5,
    )
    assert (nightly.priority, nightly.save, nightly.save_as, nightly.missed) == (-10, "all", "wines", "all")
    assert nightly.promotion is not None
    assert (nightly.promotion.stage, nightly.promotion.gates[0].min) == ("Staging", 0.5)


def test_schedules_can_come_from_the_environment(file: Path) -> None:
    found = scheduled(file, DATASETS, BAKEOFF_SCHEDULES='{"often": {"every": "6h", "dataset": "iris"}}')

    assert found["often"].every == "6h"


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("{dataset: iris}", "schedules.one is {'dataset': 'iris'}: a schedule needs either cron or every"),
        (
            "{dataset: iris, every: 6h, cron: 0 3 * * *}",
            "a schedule needs either cron or every",
        ),
        (
            "{dataset: iris, cron: 0 25 * * *}",
            "schedules.one.cron is '0 25 * * *': the hour '25' is none: expected a number from 0 to 23",
        ),
        ("{dataset: iris, every: 6x}", "schedules.one.every is '6x': expected a number of seconds, minutes,"),
        (
            "{dataset: iris, cron: 0 3 * * *, timezone: Europe/Berln}",
            "schedules.one.timezone is 'Europe/Berln': there is no time zone of that name; did you mean",
        ),
        ("{dataset: iris, every: 6h, timezone: Europe/Berlin}", "timezone belongs to cron"),
        ("{dataset: iris, every: 6h, save: none, saveAs: x}", "saveAs and promotion belong to what is saved"),
        (
            "{dataset: iris, every: 6h, missed: some}",
            "schedules.one.missed is 'some': input should be 'skip'",
        ),
        ("{dataset: iris, every: 6h, modls: [a]}", "schedules.one.modls is no setting: did you mean models?"),
        ("{dataset: iris, every: 6h, models: []}", "schedules.one.models is []: list should have at least 1"),
        (
            "{dataset: iris, every: 6h, promotion: {stge: Staging}}",
            "schedules.one.promotion.stge is no setting: did you mean stage?",
        ),
        (
            "{dataset: iriss, every: 6h}",
            "schedules.one.dataset is 'iriss', which is none of `datasets`; did you mean 'iris'?",
        ),
        ("{every: 6h}", "schedules.one is {'every': '6h'}: a schedule needs either dataset or signals: true"),
        ("{dataset: iris, signals: true, every: 6h}", "a schedule needs either dataset or signals: true"),
        ("{signals: true, every: 6h, save: all}", "save belongs to bake-offs, and signals is true"),
        ("{signals: true, every: 6h, testSize: 0.5}", "testSize belongs to bake-offs, and signals is true"),
        ("{signals: true, every: 6h}", "schedules.one generates signals, and there is no `market`"),
    ],
)
def test_a_wrong_schedule_is_refused_with_its_name_its_value_and_the_cure(
    file: Path, schedule: str, said: str
) -> None:
    assert said in refusal(file, f"{DATASETS}schedules:\n  one: {schedule}")


def test_a_schedule_of_signals_saves_nothing_and_so_needs_no_registry(file: Path) -> None:
    text = (
        "market: {prices: {source: synthetic}}\nmodelRegistry: {backend: none}\n"
        "schedules: {close: {every: 1d, signals: true, models: [model_a], priority: 5}}"
    )
    close = scheduled(file, text)["close"]

    assert (close.subject, close.saves, close.models, close.priority) == ("signals", False, ["model_a"], 5)


def test_a_schedule_saves_only_where_there_is_a_registry(file: Path) -> None:
    text = f"{DATASETS}modelRegistry: {{backend: none}}\nschedules: {{one: {{every: 6h, dataset: iris}}}}"

    assert refusal(file, text) == (
        "schedules.one.save is best, and modelRegistry.backend is none: save none, or set the backend"
    )


def test_the_name_of_a_schedule_can_be_part_of_the_name_of_a_run(file: Path) -> None:
    assert refusal(file, f"{DATASETS}schedules: {{a b: {{every: 6h, dataset: iris}}}}") == (
        "schedules has the name 'a b': use up to 100 letters, digits, `.`, `_` and `-`"
    )


def test_the_options_of_a_scheduled_run_are_those_of_any_run() -> None:
    shared = RunSpec.model_fields.keys() & ScheduleSettings.model_fields.keys()

    def bounds(model: type[RunSpec | ScheduleSettings], name: str) -> list[object]:
        return [one for one in model.model_fields[name].metadata if isinstance(one, (Ge, Gt, Le, Lt))]

    assert shared == {"dataset", "models", "metrics", "seed", "test_size", "priority", "save", "save_as"}
    assert {name: bounds(ScheduleSettings, name) for name in shared} == {
        name: bounds(RunSpec, name) for name in shared
    }
    assert [bounds(RunSpec, name) != [] for name in ("seed", "test_size", "priority")] == [True] * 3
