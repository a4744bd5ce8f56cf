"""The leaderboard as a plain table, for spreadsheets and pull requests."""

from collections.abc import Mapping
from typing import Any

from bakeoff.web.shown_tables import Cell, ShownTable


def board_table(record: Mapping[str, Any]) -> ShownTable:
    """`record`: of a run's report. Those without a result stand last, with the reason."""
    metrics = record["run"]["metrics"]
    columns = ["place", "modelId", "modelVersion", "family", "status", "standing"]
    for metric in metrics:
        columns += [metric, f"{metric} low", f"{metric} high"]
    columns += ["fitSeconds", "predictSeconds", "peakMemoryMb", "evaluationId", "error"]
    rows = [_row(row, metrics) for row in record["leaderboard"]]
    blank: list[Cell] = [None] * (3 * len(metrics) + 3)
    scores = [one["metrics"] for one in record["stopped"]]
    stopped: list[list[Cell]] = [
        [
            one["band"][0] if one["band"] else None,
            one["modelId"],
            one["modelVersion"],
            one["family"],
            str(one["status"]),
            one["standing"],
            *(cell for metric in metrics for cell in (its.get(metric), None, None)),
            *[None] * 3,
            one["evaluationId"],
            f"stopped after {one['afterFolds']} of {one['ofFolds']} folds",
        ]
        for one, its in zip(record["stopped"], scores, strict=True)
    ]
    failed: list[list[Cell]] = [
        [
            None,
            one["modelId"],
            one["modelVersion"],
            one["family"],
            str(one["status"]),
            None,
            *blank,
            one["evaluationId"],
            _why(one),
        ]
        for one in record["failed"]
    ]
    return ShownTable(name="leaderboard", columns=columns, rows=[*rows, *stopped, *failed])


def _row(row: Mapping[str, Any], metrics: list[str]) -> list[Cell]:
    scores: list[Cell] = []
    for metric in metrics:
        low, high = row["intervals"].get(metric) or (None, None)
        scores += [row["metrics"].get(metric), low, high]
    band = row.get("band")
    costs = [row["fitSeconds"], row["predictSeconds"], row["peakMemoryMb"]]
    place = band[0] if band else row["rank"]
    named = [row["modelId"], row["modelVersion"], row["family"], "completed", row.get("standing")]
    return [place, *named, *scores, *costs, row["evaluationId"], None]


def _why(record: Mapping[str, Any]) -> str | None:
    error = record["error"]
    return f"{error['type']}: {error['message']}" if error else None
