"""The section `suites`: the same candidates on several datasets, judged together."""

from pydantic import Field, field_validator

from bakeoff.domain.runs.model_saving import SavePolicy
from bakeoff.domain.runs.run import PRIORITIES
from bakeoff.settings.section import Section

FEWEST_DATASETS = 2


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
