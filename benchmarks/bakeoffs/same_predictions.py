# ruff: noqa: T201 - a script that prints, no part of a package
"""Whether candidates predict the same, to the last bit, in shared cells and apart: by whole workers.

    python -m benchmarks.bakeoffs.same_predictions [t1] [t1-library] [t2] [t3] [reference] [--workers 1 2 3]

Each bake-off runs first with `sharedCells: []`, a cell for each candidate. Then with shared cells, which are
the default, at each number of `evalWorkers`, each time in the planned order, in reverse, and in a random one.
It ends with an error at the first candidate that wrote other predictions, probabilities or scores.
`reference` stands for the candidates of this project's own catalog, on each of its datasets.
"""

import argparse
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import yaml

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.runs.job import Job, JobState
from bakeoff.evaluation.planning.run_plan import Plan
from bakeoff.evaluation.reuse.used_files_unchanged import sha256
from bakeoff.operations.context import Context
from bakeoff.operations.runs.start_run import job_of, run_of, write_run
from bakeoff.settings.setting_definitions import Settings
from bakeoff.store.bakeoffs import job_queries
from benchmarks.bakeoffs.beside_others import WORKLOADS
from benchmarks.bakeoffs.contenders import a_warm_worker
from benchmarks.bakeoffs.prepared_project import Stand
from benchmarks.bakeoffs.workloads import Workload
from registry.code.candidate_code import class_modules, code_at, is_installed_code

_ROOT = Path(__file__).parents[2]
_REFERENCE = ("breast_cancer", "iris", "wine", "digits", "diabetes")
_SCENARIOS = ("t1", "t1-library", "t2", "t3", "reference")
_SHARED = tuple(Settings().shared_cells)

Digests = Mapping[str, Mapping[str, str]]  #: of each file that a candidate wrote, by its id and the ending


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    for scenario in asked.scenarios or _SCENARIOS:
        for title, workload in _workloads(scenario):
            with TemporaryDirectory(prefix="bakeoff-benchmark-") as folder:
                stand = Stand(folder=Path(folder), workers=max(asked.workers))
                stand.set_up(workload)
                _compare(title, stand, asked.workers)
    print("all predictions are the same")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.bakeoffs.same_predictions", description=__doc__
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("scenarios", nargs="*", choices=[*_SCENARIOS, []], metavar="SCENARIO")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 3], help="evalWorkers, each in turn")
    return parser


def _workloads(scenario: str) -> Iterator[tuple[str, Workload]]:
    if scenario != "reference":
        yield scenario, WORKLOADS[scenario]()
        return
    entries = yaml.safe_load((_ROOT / "config" / "models.yaml").read_text())["models"]
    for name in _REFERENCE:
        yield name, Workload(dataset={"source": "sklearn", "name": name}, candidates=entries)


def _compare(title: str, stand: Stand, numbers: Sequence[int]) -> None:
    planned = stand.plan.candidates
    may_share = sum(_may_share(one, stand.folder) for one in planned)
    print(f"{title}: {len(planned)} candidates, of which {may_share} may share a cell", flush=True)
    [expected] = _bake(stand, [planned], evalWorkers=max(numbers), sharedCells=[])
    shuffled = random.Random(0).sample(planned, len(planned))  # noqa: S311 - an order, no secret
    orders = {"planned order": planned, "reverse": planned[::-1], "random order": shuffled}
    for number in numbers:
        began = perf_counter()
        for order, found in zip(orders, _bake(stand, list(orders.values()), evalWorkers=number), strict=True):
            require_same(expected, found, f"{title}, evalWorkers {number}, {order}")
        took_s = perf_counter() - began
        print(f"  the same in {len(orders)} orders at evalWorkers {number} ({took_s:.0f} s)", flush=True)


def _may_share(candidate: Candidate, root: Path) -> bool:
    code = code_at(class_modules(candidate), root=root)
    return is_installed_code(candidate, code, packages=_SHARED)


def require_same(expected: Digests, found: Digests, where: str) -> None:
    """Ends the process with an error that names the first candidate whose files differ."""
    if expected.keys() != found.keys():
        raise SystemExit(f"{where}: other candidates took part than in cells apart")
    for model_id, files in expected.items():
        if files != found[model_id]:
            raise SystemExit(
                f"{where}: {model_id} wrote {dict(found[model_id])}, and in a cell of its own {dict(files)}: "
                "a candidate before it left something in the cell, or it does not predict the same twice "
                "(see `bakeoff run --repeat-check`)"
            )


def _bake(stand: Stand, orders: Sequence[Sequence[Candidate]], **settings: Any) -> list[Digests]:
    """The digests of each order, baked by one worker, which has all slots of `evalWorkers`."""
    from tasks.celery import process_context

    slots = replace(stand, workers=settings["evalWorkers"])
    with a_warm_worker(slots, **settings):
        return [bake_in_order(order, stand.plan, process_context()) for order in orders]


def bake_in_order(order: Sequence[Candidate], plan: Plan, context: Context) -> Digests:
    """Each is fitted, whatever was fitted before, and none is put first because it took long."""
    from bakeoff.operations import doorbells
    from tasks import enqueue

    run = run_of(plan, run_id=new_id())
    write_run(context, run, [job_of(context, run, candidate, place) for place, candidate in enumerate(order)])
    doorbells.ring_next(context)
    enqueue.wait(run.id)
    jobs = job_queries.of_run(context.engine, run.id)
    if failed := [job.candidate.id for job in jobs if job.state is not JobState.COMPLETED]:
        raise SystemExit(f"{', '.join(failed)} did not complete: there is nothing to compare")
    return {job.candidate.id: _digests(job, context) for job in jobs}


def _digests(job: Job, context: Context) -> Mapping[str, str]:
    predictions = context.configuration.predictions_of(job.run_id, job.id)
    digests = {
        file.name.removeprefix(job.id): sha256(file) for file in predictions.parent.glob(f"{job.id}.*")
    }
    if not digests:
        raise SystemExit(f"{job.candidate.id} left no predictions in {predictions.parent}")
    return digests


if __name__ == "__main__":
    main(sys.argv[1:])
