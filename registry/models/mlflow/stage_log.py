"""The log of stages of a model name. The stage of each version follows from this log and from nothing else.

A change of stage is one entry, which is written only if no other was written meanwhile. So a change is made
completely or not at all, and of two processes that promote at once, one sees what the other did.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.model_version import Promotion, Stage
from registry.models.mlflow import ledger_of_versions_and_stages
from registry.models.mlflow.ledger_of_versions_and_stages import Ledgers

_LINE = "line."


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    promotion: Promotion
    moves: bool  #: False for an entry that changes no stage


@dataclass(frozen=True)
class StageLog:
    ledgers: Ledgers

    def entries(self, name: str) -> list[LogEntry]:
        """Oldest first."""
        return _log_entries(self.ledgers.read(name))

    def stages(self, name: str) -> dict[str, Stage]:
        """The stages by version. Versions that were never moved are absent."""
        return stages_of(self.entries(name))

    def all_entries(self) -> dict[str, list[LogEntry]]:
        return {name: _log_entries(entries) for name, entries in self.ledgers.read_all().items()}

    def append(self, entry: LogEntry, after: int) -> bool:
        """Compare-and-swap: False, and nothing is written, when the log has more than `after` entries."""
        location = self.ledgers.open(entry.promotion.model_name)
        key = f"{_LINE}{after + 1:08}"
        return ledger_of_versions_and_stages.write(
            self.ledgers.server, location.ledger_id, key, to_json(entry)
        )


def stages_of(entries: Iterable[LogEntry]) -> dict[str, Stage]:
    stages: dict[str, Stage] = {}
    for entry in entries:
        if entry.moves:
            if entry.promotion.replaced is not None:
                stages[entry.promotion.replaced] = Stage.ARCHIVED
            stages[entry.promotion.version] = entry.promotion.to_stage
    return stages


def in_production(stages: Mapping[str, Stage]) -> str | None:
    return next((version for version, stage in stages.items() if stage is Stage.PRODUCTION), None)


def _log_entries(ledger_entries: Mapping[str, Any]) -> list[LogEntry]:
    return [_from_json(ledger_entries[key]) for key in sorted(ledger_entries) if key.startswith(_LINE)]


def to_json(entry: LogEntry) -> dict[str, Any]:
    """The entry as JSON, with an id: the ledger takes equal texts for one entry that is written twice."""
    at = entry.promotion.at.isoformat()
    return {"id": new_id(), "moves": entry.moves, "promotion": {**vars(entry.promotion), "at": at}}


def _from_json(entry: Mapping[str, Any]) -> LogEntry:
    promotion = entry["promotion"]
    return LogEntry(
        moves=entry["moves"],
        promotion=Promotion(
            **{
                **promotion,
                "from_stage": Stage(promotion["from_stage"]),
                "to_stage": Stage(promotion["to_stage"]),
                "at": datetime.fromisoformat(promotion["at"]),
            }
        ),
    )
