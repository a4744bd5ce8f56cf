"""The log of stages, and what follows from it: which version of a name is in which stage.

Nothing else says so. A change of stage is one line, written if nobody has written one meanwhile: it is there
whole, or not at all, and of two promoters at once one sees what the other did.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bakeoff.domain.identity import new_id
from bakeoff.domain.model_version import Promotion, Stage
from registry.models.mlflow import ledger
from registry.models.mlflow.ledger import Ledgers

_LINE = "line."


@dataclass(frozen=True, kw_only=True)
class Line:
    promotion: Promotion
    moves: bool  #: False for what was noted without a change of stage


@dataclass(frozen=True)
class StageLog:
    ledgers: Ledgers

    def lines(self, name: str) -> list[Line]:
        """Oldest first."""
        return _lines(self.ledgers.read(name))

    def stages(self, name: str) -> dict[str, Stage]:
        """By version; a version that was never moved is not in it."""
        return stages_of(self.lines(name))

    def all_lines(self) -> dict[str, list[Line]]:
        return {name: _lines(entries) for name, entries in self.ledgers.read_all().items()}

    def append(self, line: Line, after: int) -> bool:
        """False when the log has more lines than `after` by now."""
        place = self.ledgers.open(line.promotion.model_name)
        key = f"{_LINE}{after + 1:08}"
        return ledger.write(self.ledgers.server, place.ledger_id, key, to_entry(line))


def stages_of(lines: Iterable[Line]) -> dict[str, Stage]:
    stages: dict[str, Stage] = {}
    for line in lines:
        if line.moves:
            if line.promotion.replaced is not None:
                stages[line.promotion.replaced] = Stage.ARCHIVED
            stages[line.promotion.version] = line.promotion.to_stage
    return stages


def in_production(stages: Mapping[str, Stage]) -> str | None:
    return next((version for version, stage in stages.items() if stage is Stage.PRODUCTION), None)


def _lines(entries: Mapping[str, Any]) -> list[Line]:
    return [_from_entry(entries[key]) for key in sorted(entries) if key.startswith(_LINE)]


def to_entry(line: Line) -> dict[str, Any]:
    """With an id, so that no two are the same."""
    at = line.promotion.at.isoformat()
    return {"id": new_id(), "moves": line.moves, "promotion": {**vars(line.promotion), "at": at}}


def _from_entry(entry: Mapping[str, Any]) -> Line:
    said = entry["promotion"]
    return Line(
        moves=entry["moves"],
        promotion=Promotion(
            **{
                **said,
                "from_stage": Stage(said["from_stage"]),
                "to_stage": Stage(said["to_stage"]),
                "at": datetime.fromisoformat(said["at"]),
            }
        ),
    )
