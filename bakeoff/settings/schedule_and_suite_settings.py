"""The sections `schedules` and `suites`: which runs start by themselves, and which are judged together.

A schedule says when. A suite evaluates the same candidates on several datasets.
"""

from collections.abc import Callable

from pydantic import Field, field_validator, model_validator
from pydantic.alias_generators import to_camel

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.runs.model_saving import SavePolicy
from bakeoff.domain.runs.run import PRIORITIES
from bakeoff.domain.runs.schedule import Cron, Every, Missed, Schedule, parse_zone
from bakeoff.settings.registry_settings import PromotionSettings
from bakeoff.settings.yaml_with_lines import Section

#: The schedule of a configuration with a single dataset and without the section `schedules`.
DAILY, _AT_THREE = "daily", "0 3 * * *"


#: Keys that have no meaning for a run of signals.
_OF_BAKEOFFS = ("metrics", "seed", "test_size", "save", "save_as", "promotion")

FEWEST_DATASETS = 2


class ScheduleSettings(Section):
    """When a run is started, and what it evaluates.

    The options of the run are those of `RunSpec` that have the same name. They are declared here once more,
    since settings may not import `bakeoff.evaluation`; a test holds that their bounds are the same.
    """

    cron: str | None = Field(
        None, description="when: minute, hour, day of the month, month, day of the week, such as `0 3 * * *`"
    )
    every: str | None = Field(None, description="or how often, counted in UTC: `30s`, `15m`, `6h`, `1d`")
    timezone: str = Field("UTC", description="time zone of cron, such as Europe/Berlin")
    dataset: str | None = Field(
        None, min_length=1, description="of a bake-off: one of `datasets`; it is read anew each time"
    )
    signals: bool = Field(False, description="or signals of all symbols, as of the last day there is then")
    models: list[str] | None = Field(
        None, min_length=1, description="candidates, or signal models; null: all that are enabled then"
    )
    metrics: list[str] | None = Field(
        None, min_length=1, description="as for all runs; null: those of the setting"
    )
    seed: int | None = Field(None, ge=0, lt=2**32, description="as for all runs; null: that of the setting")
    test_size: float | None = Field(
        None, gt=0, lt=1, description="as for all runs; null: that of the setting"
    )
    priority: int = Field(0, ge=min(PRIORITIES), le=max(PRIORITIES), description="of its runs in the queue")
    save: SavePolicy = Field(
        SavePolicy.BEST, description="models that its runs save: none, that of the best candidate, or all"
    )
    save_as: str | None = Field(None, description="what they are called; null: like the dataset")
    promotion: PromotionSettings | None = Field(
        None, description="policy for what its runs save; null: that of `modelRegistry`"
    )
    missed: Missed = Field(
        Missed.LATEST, description="what is caught up when no worker looked in time: skip, latest or all"
    )

    @field_validator("cron")
    @classmethod
    def _is_a_cron_expression(cls, text: str | None) -> str | None:
        return text if text is None else _checked(text, Cron.parse)

    @field_validator("every")
    @classmethod
    def _is_an_interval(cls, text: str | None) -> str | None:
        return text if text is None else _checked(text, Every.parse)

    @field_validator("timezone")
    @classmethod
    def _is_a_time_zone(cls, name: str) -> str:
        return _checked(name, parse_zone)

    @model_validator(mode="after")
    def _says_when_once(self) -> "ScheduleSettings":
        if (self.cron is None) == (self.every is None):
            raise ValueError("a schedule needs either cron or every")
        if self.every is not None and self.timezone != "UTC":
            raise ValueError("timezone belongs to cron: every is counted in UTC")
        if (self.dataset is None) is not self.signals:
            raise ValueError("a schedule needs either dataset or signals: true")
        if self.signals and (misplaced := [name for name in _OF_BAKEOFFS if name in self.model_fields_set]):
            raise ValueError(f"{to_camel(misplaced[0])} belongs to bake-offs, and signals is true")
        if self.save is SavePolicy.NONE and (self.save_as or self.promotion):
            raise ValueError("saveAs and promotion belong to what is saved, and save is none")
        return self

    @property
    def subject(self) -> str:
        """What its runs evaluate: a dataset, or signals."""
        return self.dataset or "signals"

    @property
    def saves(self) -> bool:
        return not self.signals and self.save is not SavePolicy.NONE

    def to_schedule(self, name: str) -> Schedule:
        rule = Every.parse(self.every) if self.every else Cron.parse(self.cron or "", self.timezone)
        return Schedule(name=name, rule=rule, missed=self.missed)


def daily(dataset: str, save: SavePolicy) -> ScheduleSettings:
    return ScheduleSettings(cron=_AT_THREE, dataset=dataset, save=save)


def _checked(text: str, parse: Callable[[str], object]) -> str:
    try:
        parse(text)
    except InvalidInputError as exc:
        raise ValueError(str(exc)) from None
    return text


class SuiteDesignSettings(Section):
    """The part of a design that all datasets can share. Groups and times are columns: datasets name them."""

    folds: int | None = Field(None, ge=1, le=100, description="test every row once, in so many folds")
    repeats: int = Field(1, ge=1, le=100, description="how often the rows are dealt to the folds")
    stratify: bool = Field(True, description="give each part its share of each class")
    seeds: int = Field(1, ge=1, le=50, description="fits of each candidate, to compare recipes")


class SuiteSettings(Section):
    """Which runs make a suite.

    The options of its runs are those of `RunSpec` that have the same name. They are declared here once more,
    since settings may not import `bakeoff.evaluation`; a test holds that their bounds are the same.
    """

    datasets: list[str] = Field(max_length=200, description="names of `datasets`, two at least")
    models: list[str] | None = Field(
        None, min_length=1, description="candidates; null: all that are enabled then"
    )
    design: SuiteDesignSettings | None = Field(
        None, description="folds, repeats, stratify and seeds of each run; null: one split"
    )
    metrics: list[str] | None = Field(
        None, min_length=1, description="the first one ranks, and the suite is judged by it"
    )
    seed: int | None = Field(None, ge=0, lt=2**32, description="as for all runs; null: that of the setting")
    test_size: float | None = Field(
        None, gt=0, lt=1, description="as for all runs; null: that of the setting"
    )
    priority: int = Field(0, ge=min(PRIORITIES), le=max(PRIORITIES), description="of its runs in the queue")
    save: SavePolicy | None = Field(
        None, description="models that its runs save: none, best or all; null: as for all runs"
    )

    @field_validator("datasets")
    @classmethod
    def _are_different(cls, names: list[str]) -> list[str]:
        if len(names) < FEWEST_DATASETS:
            raise ValueError(
                f"a suite needs {FEWEST_DATASETS} datasets at least: `bakeoff run` evaluates on one"
            )
        if twice := next((name for place, name in enumerate(names) if name in names[:place]), None):
            raise ValueError(f"{twice!r} stands in it twice: each dataset counts once")
        return names
