"""`bakeoff run`: one bake-off from its request to its leaderboard."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import project, terminal
from cli.project import ConfigFile

if TYPE_CHECKING:
    from rich.console import Console

    from config.loading import Configuration
    from evaluation.plan import Plan, RunRequest
    from registry.catalog import Catalog


def _option(panel: str) -> Callable[..., Any]:
    def option(metavar: str | None, meaning: str, *names: str) -> Any:
        return typer.Option(*names, metavar=metavar, help=meaning, rich_help_panel=panel, show_default=False)

    return option


_data, _candidates, _scoring, _saving, _running = map(
    _option, ("Data", "Candidates", "Scoring", "Saving", "Running")
)


def run(  # noqa: PLR0917 - one parameter for each option
    source: Annotated[
        str | None,
        typer.Argument(metavar="DATASET", help="A configured dataset, or a .csv or .parquet file."),
    ] = None,
    dataset: Annotated[str | None, _data("NAME", "The same, as an option.", "--dataset")] = None,
    target: Annotated[str | None, _data("COLUMN", "What to predict in a file.")] = None,
    test_size: Annotated[float | None, _data("SHARE", "Share of the rows that is held out.")] = None,
    seed: Annotated[int | None, _data("N", "Seed of the split and of the models.")] = None,
    models: Annotated[str | None, _candidates("A,B", "These alone.")] = None,
    added: Annotated[
        list[str] | None, _candidates("ID", "This disabled one, too; repeatable.", "--with")
    ] = None,
    no_baseline: Annotated[bool, _candidates(None, "Leave out the dummy to beat.", "--no-baseline")] = False,
    metrics: Annotated[str | None, _scoring("A,B", "The first one ranks.")] = None,
    positive_label: Annotated[str | None, _scoring("LABEL", "The positive class of two.")] = None,
    threshold: Annotated[float | None, _scoring("X", "From which a score is positive.")] = None,
    average: Annotated[str | None, _scoring("HOW", "Over classes: binary, macro, micro, weighted.")] = None,
    save: Annotated[
        str | None, _saving("best|all|none", "Keep fitted models in the registry.", "--save")
    ] = None,
    save_as: Annotated[
        str | None, _saving("NAME", "What they are called there; else like the dataset.", "--save-as")
    ] = None,
    name: Annotated[str | None, _running("TEXT", "A name for the run.")] = None,
    priority: Annotated[int, _running("N", "Higher goes first: -100 to 100, default 0.")] = 0,
    detach: Annotated[bool, _running(None, "Do not wait for its end.", "--detach")] = False,
    no_worker: Annotated[
        bool, _running(None, "Start no worker, even if none answers.", "--no-worker")
    ] = False,
    eval_workers: Annotated[int | None, _running("N", "Evaluations at once.")] = None,
    timeout: Annotated[float | None, _running("SECONDS", "Time limit of each evaluation.")] = None,
    repeat_check: Annotated[
        bool, _running(None, "Fit twice, and mark those that predict something else.", "--repeat-check")
    ] = False,
    in_process: Annotated[
        bool, _running(None, "In this process, for breakpoints; nothing is kept.", "--in-process")
    ] = False,
    as_json: Annotated[bool, _running(None, "The leaderboard as JSON.", "--json")] = False,
    config: ConfigFile = None,
) -> None:
    """Evaluate candidates on a dataset and rank them.

    Ctrl-C leaves the run to itself, it does not stop it.  Exit code 3: it ended, and not all have a result.
    """
    from cli.following import say_how_to_come_back, see_to_its_end
    from evaluation.plan import RunRequest

    began = time.monotonic()
    configuration = project.open_project(config, evalWorkers=eval_workers, evaluationTimeout=timeout)
    request = RunRequest.parse(
        {
            "dataset": _dataset(source, dataset, configuration),
            "target": target,
            "models": _split(models),
            "metrics": _split(metrics),
            "seed": seed,
            "testSize": test_size,
            "positiveLabel": positive_label,
            "threshold": threshold,
            "average": average,
            "repeatCheck": repeat_check,
            "baseline": not no_baseline,
            "save": "none" if in_process and save is None else save,
            "saveAs": save_as,
            "priority": priority,
            "name": name,
        }
    )
    console = terminal.err() if as_json else terminal.out()
    if in_process:
        _refuse_what_needs_cells(
            {
                "--timeout": timeout,
                "--eval-workers": eval_workers,
                "--priority": priority,
                "--repeat-check": repeat_check,
                "--save": save,
                "--save-as": save_as,
                "--detach": detach,
                "--no-worker": no_worker,
            }
        )
        _rehearse(request, added or [], console, as_json=as_json)
        return
    run_id, own_worker = _start(request, added or [], console, may_start_worker=not no_worker)
    if detach:
        say_how_to_come_back(run_id, console, as_json=as_json)
    else:
        see_to_its_end(run_id, console, own_worker=own_worker, began=began, as_json=as_json)


def _dataset(source: str | None, option: str | None, configuration: "Configuration") -> str:
    from domain.errors import InvalidInputError

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


def _split(text: str | None) -> list[str] | None:
    if text is None:
        return None
    return [part.strip() for part in text.split(",") if part.strip()]


def _refuse_what_needs_cells(options: Mapping[str, object]) -> None:
    from domain.errors import InvalidInputError

    given = [name for name, value in options.items() if value]
    if given:
        raise InvalidInputError(
            f"{', '.join(given)} can do nothing with --in-process, where there is no worker and no cell: "
            "leave out the one or the other"
        )


def _start(
    request: "RunRequest", added: Sequence[str], console: "Console", *, may_start_worker: bool
) -> tuple[str, bool]:
    """The run, and whether a worker was started for it: it comes up while candidates and data are read."""
    from domain.identity import new_id
    from evaluation.meanwhile import begin
    from store import schema
    from tasks import broker, enqueue, wiring, workers

    run_id = new_id()
    schema.ensure(wiring.engine())
    broker.demand()
    starting = begin(lambda: may_start_worker and workers.start_for(run_id))
    plan = _plan(request, added, console)
    own_worker = starting.result()
    enqueue.submit(plan, run_id=run_id, name=request.name)
    _introduce(plan, console, run_id=run_id, name=request.name)
    return run_id, own_worker


def _rehearse(request: "RunRequest", added: Sequence[str], console: "Console", *, as_json: bool) -> None:
    from cli.rehearsal import rehearse_all
    from domain.identity import new_id

    plan, run_id = _plan(request, added, console), new_id()
    _introduce(plan, console, run_id=run_id, name="in this process")
    rehearse_all(plan, console, run_id=run_id, as_json=as_json)


def _plan(request: "RunRequest", added: Sequence[str], console: "Console") -> "Plan":
    from evaluation.plan import make_plan
    from tasks import wiring

    with terminal.busy(console, "checking the candidates and reading the data"):
        if added:
            request = request.model_copy(update={"models": _choose(request.models, added, wiring.catalog())})
        return make_plan(request, catalog=wiring.catalog, configuration=wiring.configuration())


def _choose(models: list[str] | None, added: Sequence[str], catalog: "Catalog") -> list[str] | None:
    """`added` are enabled in this process alone."""
    from dataclasses import replace

    for model_id in added:
        disabled = catalog.disabled.get(model_id)
        if disabled is not None:
            catalog.unregister(model_id)
            catalog.register(replace(disabled, enabled=True))
        catalog.get(model_id)
    return None if models is None else [*models, *added]


def _introduce(plan: "Plan", console: "Console", *, run_id: str, name: str | None) -> None:
    from cli.header import header
    from tasks import enqueue, wiring

    run, _ = enqueue.draw_up(plan, run_id=run_id, name=name)
    rejected = [f"{model} was rejected: `bakeoff models` says why" for model in wiring.catalog().rejected]
    told = header(
        run,
        preparation=plan.preparation,
        left_out=plan.left_out,
        warnings=[*plan.warnings, *rejected],
    )
    terminal.show(console, told)
    console.file.flush()
