import json

from fixtures.values.boards import STOPPED, a_report
from fixtures.values.samples import a_job, a_run
from fixtures.values.stored import an_error

from bakeoff.domain.runs.job import Job, JobState, Phase
from bakeoff.web.routes.job_pages import plain_log
from bakeoff.web.views.job_and_leaderboard_tables import board_table, failure_groups

RUN = a_run()


def test_failures_of_one_kind_in_one_phase_are_one_group() -> None:
    def failed(place: int, kind: str, phase: Phase, message: str) -> Job:
        return a_job(
            RUN, place, state=JobState.FAILED, error=an_error(type=kind, phase=phase, message=message)
        )

    groups = failure_groups(
        [
            failed(0, "ValueError", Phase.FIT, "a"),
            failed(1, "KeyError", Phase.FIT, "b"),
            failed(2, "KeyError", Phase.PREDICT, "b"),
            failed(3, "KeyError", Phase.FIT, "c"),
            a_job(RUN, 4),
        ]
    )
    assert [[job.position for job in group.jobs] for group in groups] == [[1, 3], [0], [2]]
    assert [group.is_alike for group in groups] == [True, False, False]


def test_of_a_log_colours_and_overwritten_progress_are_left_out() -> None:
    assert plain_log("\x1b[31mred\x1b[0m\r\n 1%\r 50%\r100%\nend\x1b]0;title\x07") == "red\n100%\nend"


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
