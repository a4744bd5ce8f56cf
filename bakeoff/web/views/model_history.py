"""The versions of a model with their stages, now or at any past instant: the log of stages says what was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bakeoff.domain.ids_and_times import iso
from bakeoff.domain.model_version import ModelVersion, Promotion, Stage
from bakeoff.web.table_downloads import Cell, ShownTable


@dataclass(frozen=True, kw_only=True)
class StagedVersion:
    version: ModelVersion
    stage: Stage  #: at the instant that is looked at
    since: Promotion | None  #: the entry of the log that put it there; None: it was saved so


def staged_versions(
    versions: Sequence[ModelVersion], log: Sequence[Promotion], at: datetime | None
) -> list[StagedVersion]:
    """`log`: newest first. `at`: None is now, by what the registry says; else by what the log says."""
    if at is None:
        return [
            StagedVersion(version=one, stage=one.stage, since=_entry(log, one.version, one.stage))
            for one in versions
        ]
    stages: dict[str, Stage] = {}
    entries: dict[str, Promotion] = {}
    for entry in reversed([one for one in log if one.at <= at and one.moved]):
        stages[entry.version], entries[entry.version] = entry.to_stage, entry
        if entry.replaced is not None:
            stages[entry.replaced], entries[entry.replaced] = Stage.ARCHIVED, entry
    return [
        StagedVersion(
            version=one, stage=stages.get(one.version, Stage.DEVELOPMENT), since=entries.get(one.version)
        )
        for one in versions
        if one.created_at <= at
    ]


def _entry(log: Sequence[Promotion], version: str, stage: Stage) -> Promotion | None:
    for entry in log:
        if entry.moved and entry.version == version and entry.to_stage is stage:
            return entry
        if entry.replaced == version and stage is Stage.ARCHIVED:
            return entry
    return None


@dataclass(frozen=True, kw_only=True)
class ModelLine:
    """All versions of a name, in short."""

    name: str
    newest: ModelVersion
    production: ModelVersion | None
    number: int


def model_lines(versions: Sequence[ModelVersion]) -> list[ModelLine]:
    """`versions`: newest first. By name."""
    by_name: dict[str, list[ModelVersion]] = {}
    for version in versions:
        by_name.setdefault(version.name, []).append(version)
    return [
        ModelLine(
            name=name,
            newest=found[0],
            production=next((one for one in found if one.stage is Stage.PRODUCTION), None),
            number=len(found),
        )
        for name, found in sorted(by_name.items())
    ]


def models_table(lines: Sequence[ModelLine]) -> ShownTable:
    return ShownTable(
        name="models",
        columns=("name", "production", "newest", "versions", "savedAt"),
        rows=[
            (
                line.name,
                line.production.version if line.production else None,
                line.newest.version,
                line.number,
                iso(line.newest.created_at),
            )
            for line in lines
        ],
    )


def versions_table(staged: Sequence[StagedVersion]) -> ShownTable:
    metrics = list(dict.fromkeys(name for one in staged for name in one.version.metrics))
    rows: list[list[Cell]] = []
    for one in staged:
        version = one.version
        scores: list[Cell] = [version.metrics.get(name) for name in metrics]
        rows.append(
            [
                version.version,
                str(one.stage),
                version.type,
                *scores,
                iso(version.created_at),
                version.origin.run_id,
            ]
        )
    return ShownTable(
        name="versions", columns=["version", "stage", "type", *metrics, "savedAt", "runId"], rows=rows
    )


def gates_of(entry: Promotion) -> list[Mapping[str, Any]]:
    """The gates that a promotion passed, with what was measured."""
    gates = entry.evidence.get("gates")
    return [gate for gate in gates if isinstance(gate, dict)] if isinstance(gates, list) else []
