"""`bakeoff run`: one bake-off from its request to its leaderboard."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from cli import asking, project, terminal
from cli.project import ConfigFile

if TYPE_CHECKING:
    from rich.console import Console

    from evaluation.plan import Plan, RunRequest
    from evaluation.reuse import Prospect


_running = asking.option("Running")


def run(  # noqa: PLR0917 - one parameter for each option
    source: asking.Source = None,
    dataset: asking.Dataset = None,
    target: asking.Target = None,
    test_size: asking.TestSize = None,
    seed: asking.Seed = None,
    models: asking.Models = None,
    added: asking.Added = None,
    no_baseline: asking.NoBaseline = False,
    metrics: asking.Metrics = None,
    positive_label: asking.PositiveLabel = None,
    threshold: asking.Threshold = None,
    average: asking.Average = None,
    save: asking.Save = None,
    save_as: asking.SaveAs = None,
    name: Annotated[str | None, _running("TEXT", "A name for the run.")] = None,
    priority: Annotated[int, _running("N", "Higher goes first: -100 to 100, default 0.")] = 0,
    detach: Annotated[bool, _running(None, "Do not wait for its end.", "--detach")] = False,
    no_worker: Annotated[
        bool, _running(None, "Start no worker, even if none answers.", "--no-worker")
    ] = False,
    eval_workers: Annotated[int | None, _running("N", "Evaluations at once.")] = None,
    timeout: Annotated[float | None, _running("SECONDS", "Time limit of each evaluation.")] = None,
    fresh: asking.Fresh = False,
    repeat_check: asking.RepeatCheck = False,
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
        asking.body(
            configuration,
            source=source,
            dataset=dataset,
            target=target,
            test_size=test_size,
            seed=seed,
            models=models,
            no_baseline=no_baseline,
            metrics=metrics,
            positive_label=positive_label,
            threshold=threshold,
            average=average,
            save="none" if in_process and save is None else save,
            save_as=save_as,
            fresh=fresh,
            repeat_check=repeat_check,
            priority=priority,
            name=name,
        )
    )
    console = terminal.err() if as_json else terminal.out()
    if in_process:
        _refuse_what_needs_cells(
            {
                "--timeout": timeout,
                "--eval-workers": eval_workers,
                "--priority": priority,
                "--fresh": fresh,
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
    from domain.meanwhile import begin
    from store import schema
    from tasks import broker, enqueue, wiring, workers

    run_id = new_id()
    schema.ensure(wiring.engine())
    broker.demand()
    starting = begin(lambda: may_start_worker and workers.start_for(run_id))
    plan = asking.plan_of(request, added, console)
    own_worker = starting.result()
    prospects = enqueue.submit(plan, run_id=run_id, name=request.name)
    _introduce(plan, console, run_id=run_id, name=request.name, prospects=prospects)
    return run_id, own_worker


def _rehearse(request: "RunRequest", added: Sequence[str], console: "Console", *, as_json: bool) -> None:
    from cli.rehearsal import rehearse_all
    from domain.identity import new_id

    plan, run_id = asking.plan_of(request, added, console), new_id()
    _introduce(plan, console, run_id=run_id, name="in this process")
    rehearse_all(plan, console, run_id=run_id, as_json=as_json)


def _introduce(
    plan: "Plan",
    console: "Console",
    *,
    run_id: str,
    name: str | None,
    prospects: "Sequence[Prospect]" = (),
) -> None:
    from cli.header import header, how_many_reused
    from tasks import enqueue, wiring

    run = enqueue.run_of(plan, run_id=run_id, name=name)
    rejected = [f"{model} was rejected: `bakeoff models` says why" for model in wiring.catalog().rejected]
    told = header(
        run,
        preparation=plan.preparation,
        left_out=plan.left_out,
        reused=how_many_reused(prospects),
        warnings=[*plan.warnings, *rejected],
    )
    terminal.show(console, told)
    console.file.flush()
