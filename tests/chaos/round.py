"""One round: runs of hundreds of jobs on two workers, and faults that strike meanwhile."""

import random
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from chaos import audit
from chaos.candidates import CANDIDATES, POISON
from chaos.faults import Fault, strike
from chaos.recovery import Recovery, recoveries
from chaos.remains import remains
from chaos.schedule import Database, Kind, draw, kinds
from chaos.site import Site, a_site
from chaos.verdict import Breach, Metrics, Sort, gather, judge

from bakeoff.broker import embedded_redis
from bakeoff.store.bakeoffs import outbox

GHOST_S = 1.0  #: from its thaw to the death of its cell
LOAD_S = 4.0  #: what a busy machine may add

_CALM_S = 120.0
_TOLD_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Report:
    seed: str
    faults: Sequence[Fault]
    jobs: int
    claims: int
    recoveries: Sequence[Recovery]
    ghosts: Sequence[float]  #: seconds that the cells of ghosts lived on
    breaches: Sequence[Breach]
    duration_s: float
    reference: Metrics  #: what an undisturbed run gave


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a round is to be."""

    seed: str
    database: Database = Database.SQLITE
    runs: int = 3  #: under way when the faults begin
    strokes: int = 18
    models: Sequence[str] = tuple(CANDIDATES)  #: of each run
    kinds: Sequence[Kind] | None = None  #: None: all that can strike there
    patience_s: float = 180.0  #: after the last fault; what has not ended then is stuck


def play(order: Order, *, reference: Metrics | None = None, keep: Path | None = None) -> Report:
    """Without a reference it begins with an undisturbed run. A bad round's project is copied to `keep`."""
    report: Report | None = None
    try:
        with a_site(random.Random(order.seed), order.models, order.database) as site:
            socket = embedded_redis.expected(site.project.configuration.data_dir).socket
            report = _play(site, order, reference)
            if report.breaches and keep:
                shutil.copytree(site.project.folder, keep / site.project.folder.name)
    except AssertionError as exc:
        if report is None:
            raise
        return _worse(report, str(exc))
    return _worse(report, f"the socket {socket}") if socket.exists() else report


def _worse(report: Report, left: str) -> Report:
    return replace(report, breaches=(*report.breaches, Breach(Sort.LEFT, left)))


def _play(site: Site, order: Order, reference: Metrics | None) -> Report:
    began = time.monotonic()
    reference = reference or _calm(site)
    for _ in range(order.runs):
        site.start_run()
    faults = list(_disturb(site, order))
    breaches = list(_settle(site, order.patience_s))
    moves = site.ask(audit.moves)
    evidence = gather(site, moves, reference)
    breaches += judge(evidence)
    breaches += remains(site)
    run_of = {job.id: job.run_id for job in evidence.jobs}
    return Report(
        seed=order.seed,
        faults=faults,
        jobs=len(evidence.jobs),
        claims=sum(move.became == "running" and move.thing in run_of for move in moves),
        recoveries=list(recoveries(faults, moves, run_of)),
        ghosts=site.ghosts,
        breaches=breaches,
        duration_s=time.monotonic() - began,
        reference=reference,
    )


def _calm(site: Site) -> Metrics:
    run_id = site.start_run(models=[name for name in site.models if name not in POISON])
    assert site.tend_until(site.all_ended, _CALM_S), "an undisturbed run did not end"
    return site.project.metrics(run_id)


def _disturb(site: Site, order: Order) -> Iterator[Fault]:
    """Never an idle system: where nothing is left to do, another run begins."""
    for stroke in islice(draw(order.seed, order.kinds or kinds(order.database)), order.strokes):
        site.tend_for(stroke.after_s)
        if not site.has_work():
            site.start_run()
        fault = strike(site, stroke)
        if fault is not None:
            yield fault


def _settle(site: Site, patience_s: float) -> Iterator[Breach]:
    """Until all has ended and all is told."""
    site.tend_until(lambda: all(duty.done() for duty in site.begun), patience_s)
    for duty in site.begun:
        duty.result()
    site.tend_until(site.all_ended, patience_s)
    site.tend_until(lambda: not site.ask(outbox.is_anything_pending), _TOLD_S)
    if site.tend_until(site.answers, _TOLD_S):
        site.listen()
    else:
        yield Breach(Sort.STUCK, "Redis did not come back")
    for said in site.oddities:
        yield Breach(Sort.WRONG, said)
    if max(site.ghosts, default=0) > GHOST_S + LOAD_S:
        yield Breach(Sort.WRONG, f"the cell of a ghost lived on for {max(site.ghosts):.1f} s")
