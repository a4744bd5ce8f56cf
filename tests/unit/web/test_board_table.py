"""The leaderboard as a file: each candidate has one row, whatever became of it."""

import json

from fixtures.boards import STOPPED, a_report

from bakeoff.web.views.board_table import board_table


def test_whom_a_race_stopped_stands_in_each_file_under_the_right_heads() -> None:
    table = board_table(a_report(stopped=[STOPPED]))

    [row] = [one for one in json.loads(table.write(".json")) if one["modelId"] == STOPPED["modelId"]]
    assert {key: row[key] for key in ("place", "family", "status", "standing", "f1", "error")} == {
        "place": 16,
        "family": "forest",
        "status": "stopped",
        "standing": "stopped",
        "f1": 0.25,
        "error": "stopped after 1 of 5 folds",
    }
    assert row["evaluationId"] == STOPPED["evaluationId"]
