"""Scoring results of other systems: new ones before they are written, stored ones again by another model.

A batch is one transaction, so a process that is killed leaves whole batches. Each score names the version
that made it: so the next call finds the remaining items, and scoring an item again changes nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.scored_and_labelled_item import Intake, Item, Score, StoredItem
from bakeoff.inference.item_scores_from_model import BASELINE, Scorer, ScoreRangeError
from bakeoff.operations.context import Context
from bakeoff.store.feedback import feedback_items

BATCH_SIZE = 1000
_MOST_REFUSED = 20


@dataclass(frozen=True, kw_only=True)
class Scoring:
    version: str  #: the model version that scored, or `baseline`
    scored: int = 0
    refused: int = 0  #: items that the model cannot score: they keep the score they have
    reasons: Mapping[str, str] = field(default_factory=dict)  #: of the first refused ones, by id

    def to_record(self) -> dict[str, Any]:
        return {
            "scoreVersion": self.version,
            "scored": self.scored,
            "refused": self.refused,
            "reasons": dict(self.reasons),
        }


def scorer(context: Context, model: str | None) -> Scorer:
    return Scorer.of(model, context.configuration)


def take_in(context: Context, given: Sequence[Item], using: Scorer, *, first_row: int = 0) -> Intake:
    """One batch: stored and scored, or refused as a whole."""
    scores = using.score(given, first_row=first_row)
    return feedback_items.add(context.engine, list(zip(given, scores, strict=True)))


def score_stored(
    context: Context,
    using: Scorer,
    *,
    batch_size: int = BATCH_SIZE,
    progress: Callable[[int], None] = lambda _: None,
) -> Scoring:
    """Score what this version has not scored. The baseline replaces no score of a model."""
    scored, reasons, after, looked_at = 0, dict[str, str](), 0, 0
    version = None if using.version == BASELINE else using.version
    while batch := feedback_items.to_score(context.engine, version=version, after=after, limit=batch_size):
        found = _scores(batch, using, reasons)
        if found:
            feedback_items.set_scores(context.engine, found)
        scored, after, looked_at = scored + len(found), batch[-1].position, looked_at + len(batch)
        progress(looked_at)
    return Scoring(
        version=using.version,
        scored=scored,
        refused=looked_at - scored,
        reasons=dict(list(reasons.items())[:_MOST_REFUSED]),
    )


def _scores(
    batch: Sequence[StoredItem], using: Scorer, reasons: dict[str, str]
) -> list[tuple[StoredItem, Score]]:
    """Scores all items together; if that fails, each on its own, so that one bad item stops no other."""
    try:
        return list(zip(batch, using.score([stored.item for stored in batch]), strict=True))
    except ScoreRangeError:
        raise
    except InvalidInputError as exc:
        if len(batch) > 1:
            return [pair for stored in batch for pair in _scores([stored], using, reasons)]
        reasons[batch[0].item.id] = str(exc)
        return []
