"""The end of a job of signals: what its model said is kept with it, before the run is closed."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection, Engine, bindparam, update

from bakeoff.domain.provenance import Provenance
from bakeoff.domain.result import Result
from bakeoff.domain.signal import Commission, ModelOutput
from bakeoff.store.bakeoffs import leases
from bakeoff.store.bakeoffs.leases import Lease
from bakeoff.store.database.tables import jobs
from bakeoff.store.signals import model_signals

_CORRECT = update(jobs).where(jobs.c.id == bindparam("job"))


def complete(
    engine: Engine,
    lease: Lease,
    result: Result,
    answers: Sequence[ModelOutput],
    *,
    as_of: date,
    commission: Commission,
    provenance: Provenance | None,
) -> bool:
    """`commission`: with the fingerprint of what the answers do depend on. `provenance`: None if nothing was
    asked. False when the lease was lost.
    """

    def keep(connection: Connection, at: datetime) -> None:
        connection.execute(_CORRECT, {"job": lease.job_id, "commission": commission.to_json()})
        model_signals.keep_said(
            connection,
            model_id=result.model_id,
            model_version=result.model_version,
            fingerprint=commission.fingerprint,
            as_of=as_of,
            answers=answers,
            at=at,
        )

    return leases.complete(engine, lease, result, provenance=provenance, keep=keep)
