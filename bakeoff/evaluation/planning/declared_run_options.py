"""The options of a run, each declared once.

A declaration makes the key of the HTTP body and of the Celery message, the option of `bakeoff run` and
`bakeoff plan`, the checks, the help texts, and the place in the database: the column `options` of
`evaluation_runs`, unless the option has a column of its own.

To add an option: declare it here, act on it (the plan reads it from the request, a worker reads it from
`Run.options`), and describe it in docs/.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from bakeoff.domain.metric_names_and_scoring_rules import Average
from bakeoff.domain.runs.model_saving import SavePolicy
from bakeoff.domain.runs.run import PRIORITIES
from bakeoff.evaluation.planning.parse_request_bodies import PRINTABLE, Body, HelpPanel, OnCommandLine, parse
from bakeoff.evaluation.planning.split_design_request import DesignRequest
from bakeoff.evaluation.planning.tuning_request import TuneRequest

_DATA, _, _CANDIDATES, _SCORING, _SAVING, _RUNNING = HelpPanel


#: What a request may say of the data, and an entry of the configuration, too.
FILE_OPTIONS = ("features", "drop", "dtypes", "separator", "encoding", "drop_unlabelled")


class RunSpec(Body):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"dataset": "breast_cancer", "models": ["ridge", "knn"], "seed": 1}]}
    )

    dataset: str = Field(min_length=1, description="Name in the configuration, or a CSV or Parquet file.")
    target: Annotated[str | None, OnCommandLine(panel=_DATA, metavar="COLUMN")] = Field(
        None, description="What to predict in a file."
    )
    features: Annotated[list[str] | None, OnCommandLine(panel=_DATA, metavar="A,B")] = Field(
        None, description="Columns to use; null: all but the target."
    )
    drop: Annotated[list[str] | None, OnCommandLine(panel=_DATA, metavar="A,B")] = Field(
        None, description="Columns to leave out."
    )
    dtypes: Annotated[dict[str, str] | None, OnCommandLine(panel=_DATA, metavar="COLUMN=TYPE,…")] = Field(
        None, description="Types of columns of a CSV file, such as zip=str."
    )
    separator: Annotated[str | None, OnCommandLine(panel=_DATA, metavar="CHARACTER", flag="--sep")] = Field(
        None, min_length=1, max_length=1, description="Between the values of a CSV file; null: found."
    )
    encoding: Annotated[str | None, OnCommandLine(panel=_DATA, metavar="NAME")] = Field(
        None, description="Of a CSV file, such as latin-1."
    )
    drop_unlabelled: Annotated[bool, OnCommandLine(panel=_DATA)] = Field(
        False, description="Leave out rows that have no target."
    )
    test_size: Annotated[float | None, OnCommandLine(panel=_DATA, metavar="SHARE")] = Field(
        None, gt=0, lt=1, description="Share of the rows that is held out."
    )
    seed: Annotated[int | None, OnCommandLine(panel=_DATA, metavar="N")] = Field(
        None, ge=0, lt=2**32, description="Seed of the split and of the models."
    )
    design: DesignRequest | None = Field(
        None, description="Folds, groups and time; null: what the dataset says of itself."
    )
    models: Annotated[
        list[str] | None, OnCommandLine(panel=_CANDIDATES, metavar="A,B", help="These alone.")
    ] = Field(None, description="Ids of the catalog; null means all that are enabled.")
    grid: dict[str, dict[str, list[str | int | float | bool | None]]] | None = Field(
        None, description="Values of parameters, by candidate: one candidate for each combination."
    )
    tune: dict[str, TuneRequest] | None = Field(
        None, description="By candidate: parameters that it searches itself, on its training rows."
    )
    baseline: Annotated[bool, OnCommandLine(panel=_CANDIDATES, help="Leave out the dummy to beat.")] = Field(
        True, description="Add the dummy that others must beat."
    )
    metrics: Annotated[list[str] | None, OnCommandLine(panel=_SCORING, metavar="A,B")] = Field(
        None, description="The first one ranks."
    )
    positive_label: Annotated[
        str | int | float | bool | None, OnCommandLine(panel=_SCORING, metavar="LABEL")
    ] = Field(None, description="The positive class of two.")
    threshold: Annotated[
        float | Literal["tuned"] | None, OnCommandLine(panel=_SCORING, metavar="X|tuned")
    ] = Field(
        None, description="From which a probability or score is positive; tuned: each candidate's best."
    )
    costs: Annotated[dict[str, float] | None, OnCommandLine(panel=_SCORING, metavar="KIND=X,…")] = Field(
        None, description="Of wrong answers: false_positive=1,false_negative=10; expected_cost ranks."
    )
    average: Annotated[Average | None, OnCommandLine(panel=_SCORING, metavar="HOW")] = Field(
        None, strict=False, description="Over classes: binary, macro, micro, weighted."
    )
    zero_division: float = Field(0.0, description="The value of a metric whose denominator is zero.")
    seal: Annotated[float | None, OnCommandLine(panel=_SCORING, metavar="SHARE")] = Field(
        None, ge=0, le=0.9, description="Share of the test rows that only the winner is scored on."
    )
    race: Annotated[bool, OnCommandLine(panel=_RUNNING, needs_cells=True)] = Field(
        False, description="With folds, stop early whoever is shown not to be the best."
    )
    strict: Annotated[bool, OnCommandLine(panel=_SCORING)] = Field(
        False, description="Recommend and save nobody while a serious finding is open."
    )
    shuffle_check: Annotated[bool, OnCommandLine(panel=_SCORING, needs_cells=True)] = Field(
        False, description="Fit the winner to shuffled labels, too: it must score as chance does."
    )
    save: Annotated[
        SavePolicy | None, OnCommandLine(panel=_SAVING, metavar="best|all|none", needs_cells=True)
    ] = Field(None, strict=False, description="Keep fitted models in the registry.")
    save_as: Annotated[str | None, OnCommandLine(panel=_SAVING, metavar="NAME", needs_cells=True)] = Field(
        None, description="What they are called there; else like the dataset."
    )
    refit: Annotated[
        bool, OnCommandLine(panel=_SAVING, help="With folds, save no model.", needs_cells=True)
    ] = Field(
        True, description="With folds, a model that is saved is fitted to all rows; false: none is saved."
    )
    name: Annotated[str | None, OnCommandLine(panel=_RUNNING, metavar="TEXT", in_plan=False)] = Field(
        None, max_length=200, pattern=PRINTABLE, description="A name for the run."
    )
    priority: Annotated[int, OnCommandLine(panel=_RUNNING, metavar="N", in_plan=False, needs_cells=True)] = (
        Field(
            0,
            ge=min(PRIORITIES),
            le=max(PRIORITIES),
            description=f"Higher goes first: {min(PRIORITIES)} to {max(PRIORITIES)}, default 0.",
        )
    )
    fresh: Annotated[bool, OnCommandLine(panel=_RUNNING, needs_cells=True)] = Field(
        False, description="Fit them all, whatever was fitted before."
    )
    spread: Annotated[bool, OnCommandLine(panel=_RUNNING, needs_cells=True)] = Field(
        False, description="Fit each fold as a job of its own, so that free slots share a candidate."
    )
    repeat_check: Annotated[bool, OnCommandLine(panel=_RUNNING, needs_cells=True)] = Field(
        False, description="Fit twice, and mark those that predict something else."
    )

    importance: Annotated[
        bool, OnCommandLine(panel=_SCORING, help="Shuffle columns: what models rely on.", needs_cells=True)
    ] = Field(False, description="Measure how much each model relies on each column, by shuffling it.")

    def other_options(self) -> dict[str, Any]:
        """The content of the column `options`, by camelCase key: options that differ from their defaults."""
        values = self.model_dump(mode="json", exclude_defaults=True)
        others = RunSpec.model_fields.keys() - _WITH_A_COLUMN
        return {to_camel(name): value for name, value in values.items() if name in others}


#: Options that have columns of their own, alone or together, or have done their work when the run is written.
_WITH_A_COLUMN = frozenset(
    {
        "dataset",
        "target",
        *FILE_OPTIONS,
        "test_size",
        "seed",
        "design",
        "models",
        "grid",
        "tune",
        "baseline",
        "metrics",
        "positive_label",
        "threshold",
        "costs",
        "average",
        "zero_division",
        "seal",
        "save",
        "save_as",
        "refit",
        "name",
        "priority",
        "repeat_check",
    }
)


class RunRequest(RunSpec):
    run_id: str | None = None  #: chosen by the caller: the same id twice is the same run

    @classmethod
    def parse(
        cls, body: Mapping[str, Any], *, written: Callable[[str], str | None] = lambda _: None
    ) -> "RunRequest":
        """`written`: how the user wrote a key, if not as it is."""
        return parse(cls, body, "request for a run", written=written)

    @classmethod
    def of(cls, spec: RunSpec, *, run_id: str | None) -> "RunRequest":
        return cls(run_id=run_id, **{name: getattr(spec, name) for name in RunSpec.model_fields})
