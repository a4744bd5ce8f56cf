"""The end of a job of signals: what its model said is kept with it, before the run is closed."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection, Engine, bindparam, update

from domain.provenance import Provenance
from domain.result import Result
from domain.signal import Commission, ModelOutput
from store import leases, signals
from store.leases import Lease
from store.tables import jobs

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
        signals.keep_said(
            connection,
            model_id=result.model_id,
            model_version=result.model_version,
            fingerprint=commission.fingerprint,
            as_of=as_of,
            answers=answers,
            at=at,
        )

    return leases.complete(engine, lease, result, provenance=provenance, keep=keep)
