"""What is to be evaluated, and how: the options that `run` and `plan` have in common."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bakeoff.cli.output import terminal

if TYPE_CHECKING:
    from rich.console import Console

    from bakeoff.evaluation.planning.run_plan import Plan, RunRequest
    from bakeoff.operations.context import Context
    from bakeoff.settings.configuration import Configuration
    from registry.catalog.live_catalog import Catalog


def option(panel: str) -> Callable[..., Any]:
    def option(metavar: str | None, meaning: str, *names: str) -> Any:
        return typer.Option(*names, metavar=metavar, help=meaning, rich_help_panel=panel, show_default=False)

    return option


_data, _candidates, _scoring, _saving, _running = map(
    option, ("Data", "Candidates", "Scoring", "Saving", "Running")
)

Source = Annotated[
    str | None, typer.Argument(metavar="DATASET", help="A configured dataset, or a .csv or .parquet file.")
]
Dataset = Annotated[str | None, _data("NAME", "The same, as an option.", "--dataset")]
Target = Annotated[str | None, _data("COLUMN", "What to predict in a file.")]
TestSize = Annotated[float | None, _data("SHARE", "Share of the rows that is held out.")]
Seed = Annotated[int | None, _data("N", "Seed of the split and of the models.")]
Models = Annotated[str | None, _candidates("A,B", "These alone.")]
Added = Annotated[list[str] | None, _candidates("ID", "This disabled one, too; repeatable.", "--with")]
NoBaseline = Annotated[bool, _candidates(None, "Leave out the dummy to beat.", "--no-baseline")]
Metrics = Annotated[str | None, _scoring("A,B", "The first one ranks.")]
PositiveLabel = Annotated[str | None, _scoring("LABEL", "The positive class of two.")]
Threshold = Annotated[float | None, _scoring("X", "From which a score is positive.")]
Average = Annotated[str | None, _scoring("HOW", "Over classes: binary, macro, micro, weighted.")]
Save = Annotated[str | None, _saving("best|all|none", "Keep fitted models in the registry.", "--save")]
SaveAs = Annotated[
    str | None, _saving("NAME", "What they are called there; else like the dataset.", "--save-as")
]
Fresh = Annotated[bool, _running(None, "Fit them all, whatever was fitted before.", "--fresh")]
RepeatCheck = Annotated[
    bool, _running(None, "Fit twice, and mark those that predict something else.", "--repeat-check")
]


def body(
    configuration: "Configuration",
    *,
    source: str | None,
    dataset: str | None,
    models: str | None,
    metrics: str | None,
    no_baseline: bool,
    **others: Any,
) -> dict[str, Any]:
    """The body of a request for a run; `others` go by the same names there."""
    from pydantic.alias_generators import to_camel

    return {
        "dataset": _dataset(source, dataset, configuration),
        "models": split(models),
        "metrics": split(metrics),
        "baseline": not no_baseline,
        **{to_camel(name): value for name, value in others.items()},
    }


def _dataset(source: str | None, option: str | None, configuration: "Configuration") -> str:
    from bakeoff.domain.errors import InvalidInputError

    if source is not None and option is not None:
        raise InvalidInputError(f"the dataset is named twice, {source} and {option}: leave one of them out")
    known = list(configuration.settings.datasets)
    asked = source or option or (known[0] if len(known) == 1 else None)
    if asked is None:
        there_are = f"there are {', '.join(sorted(known))}" if known else "the configuration has none"
        raise InvalidInputError(
            f"which dataset? {there_are}; `bakeoff run NAME`, or `bakeoff run FILE --target COLUMN`"
        )
    return asked


def split(text: str | None) -> list[str] | None:
    if text is None:
        return None
    return [part.strip() for part in text.split(",") if part.strip()]


def plan_of(context: "Context", request: "RunRequest", added: Sequence[str], console: "Console") -> "Plan":
    """`added`: disabled candidates that take part."""
    from bakeoff.evaluation.planning.run_plan import make_plan

    with terminal.busy(console, "checking the candidates and reading the data"):
        if added:
            request = request.model_copy(update={"models": _choose(request.models, added, context.catalog())})
        return make_plan(request, catalog=context.catalog, configuration=context.configuration)


def _choose(models: list[str] | None, added: Sequence[str], catalog: "Catalog") -> list[str] | None:
    """`added` are enabled in this process alone."""
    from dataclasses import replace

    from bakeoff.evaluation.planning.candidate_choice import refuse_signals

    for model_id in added:
        disabled = catalog.disabled.get(model_id)
        if disabled is not None:
            catalog.unregister(model_id)
            catalog.register(replace(disabled, enabled=True))
        refuse_signals(catalog.get(model_id))
    return None if models is None else [*models, *added]
