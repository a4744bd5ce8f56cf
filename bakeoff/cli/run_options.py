"""The options of `bakeoff run` and `bakeoff plan`, made from `RunSpec`, and the request made from them."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic.alias_generators import to_camel

from bakeoff.cli.output import terminal
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.metric import is_custom
from bakeoff.evaluation.metrics.metric_names import check_names
from bakeoff.evaluation.planning.design_request import DesignRequest
from bakeoff.evaluation.planning.request_body import OnCommandLine
from bakeoff.evaluation.planning.run_spec import RunRequest, RunSpec

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from rich.console import Console

    from bakeoff.evaluation.planning.run_plan import Plan
    from bakeoff.operations.context import Context
    from bakeoff.settings.configuration import Configuration
    from registry.catalog.live_catalog import Catalog

_WORDS = {"none": None, "null": None, "true": True, "false": False}
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
        from bakeoff.evaluation.functions.custom_metric_facts import metric_facts

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
        _scalar(value) if any(get_origin(kind) is Literal for kind in kinds) else value
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


def grids_in(options: Sequence[str]) -> dict[str, dict[str, list[Any]]]:
    """`forest.max_depth=4,8,none` and others like it, by candidate, whose id may hold dots."""
    example = "candidate.parameter=value,value, such as forest.max_depth=4,8,none"
    return {
        model_id: {name: _grid_values(f"{model_id}.{name}", values) for name, values in texts.items()}
        for model_id, texts in _by_candidate(options, "--grid", example).items()
    }


def searches_in(options: Sequence[str], *, trials: int | None) -> dict[str, dict[str, Any]]:
    """`svc.C=log:0.01..100` and others like it, by candidate."""
    if trials is not None and not options:
        raise InvalidInputError("--trials says how many there are of a search: add --tune, or leave it out")
    example = (
        "candidate.parameter=range, such as tree.depth=2..12, svc.C=log:0.01..100, svc.kernel=rbf,linear"
    )
    return {
        model_id: {
            "params": {
                name: _values_or_range(f"{model_id}.{name}", values) for name, values in texts.items()
            },
            **({} if trials is None else {"trials": trials}),
        }
        for model_id, texts in _by_candidate(options, "--tune", example).items()
    }


def _by_candidate(options: Sequence[str], flag: str, example: str) -> dict[str, dict[str, str]]:
    """The texts behind `=`, by candidate and parameter."""
    found: dict[str, dict[str, str]] = {}
    for option in options:
        left, equals, values = option.partition("=")
        model_id, dot, name = left.strip().rpartition(".")
        if not (equals and dot and model_id and name.isidentifier() and split(values)):
            raise InvalidInputError(f"{flag} is {option!r}: write {example}")
        if name in found.setdefault(model_id, {}):
            raise InvalidInputError(f"{flag} names {model_id}.{name} twice: give all values at once")
        found[model_id][name] = values
    return found


def _grid_values(name: str, text: str) -> list[Any]:
    """A grid has values alone: a range is no value of any parameter."""
    words = split(text) or []
    for word in words:
        if _LIKE_A_RANGE.fullmatch(word):
            raise InvalidInputError(
                f"--grid {name} is {text!r}, which looks like a range, and a grid has values: write them "
                f"with commas, such as 1,2,5, or let the candidate search it: --tune {name}={_as_range(word)}"
            )
    return [_scalar(word) for word in words]


def _values_or_range(name: str, text: str) -> Any:
    """A range with two dots is one of the catalog; what is wrong with its ends is told when it is used."""
    kind, colon, range_ = text.strip().partition(":")
    if not colon or ".." in kind:
        kind, range_ = "", text
    low, dots, high = range_.partition("..")
    if not dots:
        if _LIKE_A_RANGE.fullmatch(text.strip()):
            raise InvalidInputError(
                f"--tune {name} is {text!r}, which is one value: a range is {_as_range(text.strip())}"
            )
        return [_scalar(word) for word in split(text) or ()]
    ends = [_scalar(low.strip()), _scalar(high.strip())]
    if kind:
        return {"log_uniform" if kind == "log" else kind: ends}
    return {"integers" if all(isinstance(end, int) for end in ends) else "uniform": ends}


#: `1..6`, and `1-6`, `1:6` and `log:0.1-10` as others write a range. The number `1e-6` or `-3` is none.
_LIKE_A_RANGE = re.compile(r"([a-z_]+:)?\d+(\.\d+)?\s*(\.\.|-|:)\s*\d+(\.\d+)?")


def _as_range(word: str) -> str:
    """`1..6` for `1-6`."""
    return re.sub(r"(?<=\d)\s*[-:]\s*(?=\d)", "..", word)


def _scalar(word: str) -> Any:
    """Read as YAML would read it; `none` is null."""
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


def split(text: str | None) -> list[str] | None:
    if text is None:
        return None
    return [part.strip() for part in text.split(",") if part.strip()]


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
    numbers = {name.strip().replace("-", "_"): _scalar(value.strip()) for name, _, value in pairs}
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
        return make_plan(request, catalog=context.catalog, configuration=context.configuration)


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
