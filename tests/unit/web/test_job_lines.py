from datetime import timedelta

from fixtures.samples import NOON, a_job, a_result, a_run
from fixtures.stored import an_error

from bakeoff.domain.runs.job import Job, JobState, Phase
from bakeoff.domain.runs.result import Cost
from bakeoff.web.routes.job_pages import plain_log
from bakeoff.web.views.job_lines import failure_groups, waterfall

RUN = a_run()


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def test_the_bars_of_a_job_are_its_shares_of_the_time_of_the_run() -> None:
    done = a_job(RUN, 0, state=JobState.COMPLETED, started_at=NOON + seconds(2), ended_at=NOON + seconds(6))
    last = a_job(RUN, 1, state=JobState.FAILED, started_at=NOON + seconds(6), ended_at=NOON + seconds(8))
    cost = Cost(fit_s=3, predict_s=1, cpu_s=4, peak_memory_mb=1, granted_threads=1)
    shown = waterfall([done, last], {done.id: a_result(done, cost=cost)}, "f1", NOON + seconds(100))

    assert shown.span_s == 8
    assert [(bar.kind, bar.x, bar.width) for bar in shown.lines[0].bars] == [
        ("wait", 0, 25),
        ("fit", 25, 37.5),
        ("predict", 62.5, 12.5),
    ]
    assert [bar.kind for bar in shown.lines[1].bars] == ["wait", "failed"]


def test_a_running_job_reaches_until_now_and_a_queued_one_waits() -> None:
    running = a_job(RUN, 0, state=JobState.RUNNING, started_at=NOON + seconds(1))
    shown = waterfall([running, a_job(RUN, 1)], {}, "f1", NOON + seconds(10))
    assert [(bar.kind, round(bar.x + bar.width)) for bar in shown.lines[0].bars] == [
        ("wait", 10),
        ("running", 100),
    ]
    assert [bar.kind for bar in shown.lines[1].bars] == ["wait"]


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
