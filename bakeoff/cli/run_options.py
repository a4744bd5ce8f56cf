"""The options of `bakeoff run` and `bakeoff plan`, made from `RunSpec`, and the request made from them."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic.alias_generators import to_camel

from bakeoff.cli.key_value_and_grid_options import grids_in, scalar, searches_in, split
from bakeoff.cli.output import terminal
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.metric_names_and_scoring_rules import is_custom
from bakeoff.evaluation.metrics.metric_names import check_names
from bakeoff.evaluation.planning.declared_run_options import RunRequest, RunSpec
from bakeoff.evaluation.planning.parse_request_bodies import OnCommandLine
from bakeoff.evaluation.planning.split_design_request import DesignRequest

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from rich.console import Console

    from bakeoff.evaluation.planning.run_plan import Plan
    from bakeoff.operations.context import Context
    from bakeoff.settings.configuration import Configuration
    from registry.catalog.live_catalog import Catalog

_DESIGN = "design"  #: the field of a request whose own fields are options

#: What `RunSpec` does not declare as an option: the dataset, and disabled candidates that take part.
DatasetArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="DATASET", help="A configured dataset, or a .csv or .parquet file; A,B,C: `run` on each."
    ),
]
DatasetOption = Annotated[
    str | None,
    typer.Option(
        "--dataset",
        metavar="NAME",
        help="The same, as an option.",
        rich_help_panel="Data",
        show_default=False,
    ),
]
WithOption = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        metavar="ID",
        help="This disabled one, too; repeatable.",
        rich_help_panel="Candidates",
        show_default=False,
    ),
]
GridOption = Annotated[
    list[str] | None,
    typer.Option(
        "--grid",
        metavar="ID.PARAM=A,B",
        help="One candidate for each value; repeatable.",
        rich_help_panel="Candidates",
        show_default=False,
    ),
]
TuneOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tune",
        metavar="ID.PARAM=RANGE",
        help="It searches this itself: A,B or LOW..HIGH or log:LOW..HIGH; repeatable.",
        rich_help_panel="Candidates",
        show_default=False,
    ),
]
TrialsOption = Annotated[
    int | None,
    typer.Option(
        "--trials",
        metavar="N",
        help="Of each --tune; default 50.",
        rich_help_panel="Candidates",
        show_default=False,
    ),
]


def takes_run_options(*, of_plan: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Replaces the parameter `given` of a command by one parameter for each option that `RunSpec` declares.

    Typer makes options of them; the command is given their values as a mapping, by the names of the fields.
    `of_plan`: only the options that `bakeoff plan` has, too.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        declared = inspect.signature(command, eval_str=True)
        options = [_parameter(name, field, how) for name, field, how in _options(of_plan=of_plan)]

        @wraps(command)
        def called(**values: Any) -> None:
            given = {option.name: values.pop(option.name) for option in options}
            command(**values, given=given)

        parameters = [
            parameter
            for name, one in declared.parameters.items()
            for parameter in (options if name == "given" else [one])
        ]
        # Typer reads signature and annotations. With __wrapped__ it would read those of `command` instead.
        del called.__wrapped__
        called.__signature__ = declared.replace(parameters=parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {one.name: one.annotation for one in parameters}
        return called

    return decorate


def _options(*, of_plan: bool) -> "list[tuple[str, FieldInfo, OnCommandLine]]":
    return [
        (name, field, how)
        for name, field in _fields().items()
        for how in field.metadata
        if isinstance(how, OnCommandLine) and (how.in_plan or not of_plan)
    ]


def _fields() -> "dict[str, FieldInfo]":
    """The fields of a request, with those of its design in the place of the design."""
    fields: dict[str, FieldInfo] = {}
    for name, field in RunSpec.model_fields.items():
        fields |= DesignRequest.model_fields if name == _DESIGN else {name: field}
    return fields


def given_and_needing_cells(given: Mapping[str, Any]) -> list[str]:
    """The given options that have no effect with `--in-process`, as they are written."""
    return [
        _flag(name, field, how)
        for name, field, how in _options(of_plan=False)
        if how.needs_cells and given.get(name)
    ]


def _parameter(name: str, field: "FieldInfo", how: OnCommandLine) -> inspect.Parameter:
    kind = _kind(field)
    is_flag = kind is bool
    option = typer.Option(
        *([_flag(name, field, how)] if is_flag or how.flag else []),
        metavar=how.metavar,
        help=how.help or field.description,
        rich_help_panel=str(how.panel),
        show_default=False,
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=False if is_flag else field.default,
        annotation=Annotated[kind if is_flag else kind | None, option],
    )


def _kind(field: "FieldInfo") -> Any:
    """The type of the option: a flag, a number, or else text, which `RunSpec` checks."""
    wanted = field.annotation
    kinds = set(get_args(wanted) if isinstance(wanted, UnionType) else [wanted]) - {type(None)}
    return next((kind for kind in (bool, int, float) if kinds == {kind}), str)


def _flag(name: str, field: "FieldInfo", how: OnCommandLine) -> str:
    if how.flag is not None:
        return how.flag
    text = name.replace("_", "-")
    return f"--no-{text}" if field.default is True else f"--{text}"


def request_of(
    configuration: "Configuration",
    given: Mapping[str, Any],
    *,
    source: str | None,
    dataset: str | None,
    grid: Sequence[str] = (),
    tune: Sequence[str] = (),
    trials: int | None = None,
    save: str | None = None,
) -> RunRequest:
    """`save`: the policy if the options give none."""
    body: dict[str, Any] = {"dataset": _dataset(source, dataset, configuration)}
    design: dict[str, Any] = {}
    for name, field, _ in _options(of_plan=False):
        if name not in given:
            continue
        value = given[name]
        value = _read(name, field, value)
        if name not in DesignRequest.model_fields:
            body[to_camel(name)] = value
        elif value != field.default:
            design[to_camel(name)] = value
    if design:
        body[_DESIGN] = design
    body["grid"] = grids_in(grid) or None
    body["tune"] = searches_in(tune, trials=trials) or None
    if save is not None and body["save"] is None:
        body["save"] = save
    request = RunRequest.parse(body, written=_as_typed)
    _check_metrics(request.metrics or configuration.settings.metrics or (), configuration)
    return request


def _as_typed(key: str) -> str | None:
    """The option that is the key of a request; of a candidate's own keys, none."""
    flags = {to_camel(name): _flag(name, field, how) for name, field, how in _options(of_plan=False)}
    return flags.get(key.removeprefix(f"{_DESIGN}."))


def _check_metrics(names: Sequence[str], configuration: "Configuration") -> None:
    """Before a worker is started for them. Functions are asked for in a cell, unless they are known."""
    check_names(names)
    if any(map(is_custom, names)):
        from bakeoff.evaluation.user_functions.custom_metric_facts import metric_facts

        metric_facts(names, configuration)


def _read(name: str, field: "FieldInfo", value: Any) -> Any:
    """The value of an option as `RunSpec` takes it."""
    if _kind(field) is bool:
        return field.default != value
    if not isinstance(value, str):
        return value
    kinds = get_args(field.annotation)
    if list[str] in kinds:
        return split(value)
    if dict[str, str] in kinds:
        return column_types(value, name)
    if dict[str, float] in kinds:
        return _numbers(value, name)
    return (
        scalar(value) if any(get_origin(kind) is Literal for kind in kinds) else value
    )  # a number, or one of some words


def several_datasets(source: str | None, option: str | None, configuration: "Configuration") -> list[str]:
    """Of `a,b,c`, the datasets of an unnamed suite; empty where one is meant, whose name may have a comma."""
    given = source or option or ""
    if "," not in given or given in configuration.settings.datasets or Path(given).is_file():
        return []
    return split(given) or []


def _dataset(source: str | None, option: str | None, configuration: "Configuration") -> str:
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


def column_types(text: str, option: str) -> dict[str, str]:
    pairs = [part.rpartition("=") for part in split(text) or ()]
    for column, _, value in pairs:
        if not (column and value):
            raise InvalidInputError(
                f"--{option} {text}: give each as COLUMN=TYPE, such as zip=str,age=float64"
            )
    return {column: value for column, _, value in pairs}


def _numbers(text: str, option: str) -> dict[str, float]:
    pairs = [part.partition("=") for part in split(text) or ()]
    numbers = {name.strip().replace("-", "_"): scalar(value.strip()) for name, _, value in pairs}
    if not all(isinstance(value, int | float) for value in numbers.values()):
        raise InvalidInputError(
            f"--{option} {text}: give each as KIND=NUMBER, such as false_positive=1,false_negative=10"
        )
    return {name: float(value) for name, value in numbers.items()}


def plan_of(context: "Context", request: "RunRequest", added: Sequence[str], console: "Console") -> "Plan":
    """`added`: ids of disabled candidates that take part."""
    from bakeoff.evaluation.planning.run_plan import make_plan

    with terminal.busy(console, "checking the candidates and reading the data"):
        if added:
            models = _with_added(request.models, added, context.catalog())
            request = request.model_copy(update={"models": models})
        return make_plan(
            request, catalog=context.catalog, configuration=context.configuration, pin=context.pin_cache.pin
        )


def _with_added(models: list[str] | None, added: Sequence[str], catalog: "Catalog") -> list[str] | None:
    """The models of the request and the added ones, which are enabled in this process alone."""
    from dataclasses import replace

    from bakeoff.evaluation.planning.candidate_choice import refuse_signals

    for model_id in added:
        disabled = catalog.disabled.get(model_id)
        if disabled is not None:
            catalog.unregister(model_id)
            catalog.register(replace(disabled, enabled=True))
        refuse_signals(catalog.get(model_id))
    return None if models is None else [*models, *added]
