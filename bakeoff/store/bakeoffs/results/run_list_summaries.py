"""What lists show of many runs at once: their verdict in a sentence, and the score of their best candidate.

A verdict holds all pairs of its candidates, so the database takes out of it what is shown, and sends no more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine, select, tuple_

from bakeoff.domain.finding import Finding, blocking
from bakeoff.domain.runs.verdict import Interval
from bakeoff.store.database.all_tables import results, verdicts
from bakeoff.store.database.engine_and_transactions import reading


@dataclass(frozen=True, kw_only=True)
class Headline:
    """The verdict of a run in short."""

    sentence: str
    metric: str
    recommended: str | None  #: the candidate to take; None where nothing has a score
    value: float | None = None  #: its score
    interval: Interval | None = None
    tied: int = 0  #: how many share the first place; 0: one is best
    serious: tuple[str, ...] = ()  #: slugs of findings of high severity that nobody has accepted


def headlines(engine: Engine, run_ids: Sequence[str]) -> dict[str, Headline]:
    """By run; without the runs that have no verdict."""
    said = verdicts.c.verdict
    wanted = select(
        verdicts.c.run_id,
        said["sentence"].as_string().label("sentence"),
        said["metric"].as_string().label("metric"),
        said["recommended"].as_string().label("recommended"),
        said["tied"].as_json().label("tied"),
        said["findings"].as_json().label("findings"),
    ).where(verdicts.c.run_id.in_(run_ids), said.is_not(None))
    with reading(engine) as connection:
        found = {
            row.run_id: Headline(
                sentence=row.sentence,
                metric=row.metric,
                recommended=row.recommended,
                tied=len(row.tied or ()),
                serious=tuple(
                    dict.fromkeys(one.slug for one in blocking(map(Finding.from_record, row.findings or ())))
                ),
            )
            for row in connection.execute(wanted)
        }
        return _with_scores(connection, found)


def _with_scores(connection: Connection, found: Mapping[str, Headline]) -> dict[str, Headline]:
    leaders = [(run_id, one.recommended) for run_id, one in found.items() if one.recommended is not None]
    rows = connection.execute(
        select(results.c.run_id, results.c.metrics, results.c.intervals).where(
            tuple_(results.c.run_id, results.c.model_id).in_(leaders)
        )
    )
    scored = dict(found)
    for row in rows:
        one = found[row.run_id]
        scored[row.run_id] = replace(
            one,
            value=row.metrics.get(one.metric),
            interval=Interval(**row.intervals[one.metric]) if one.metric in row.intervals else None,
        )
    return scored
