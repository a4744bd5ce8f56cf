"""Verdicts of old runs, from their kept predictions; and what the next plan learns from a verdict."""

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fixtures.projects.project import Project, a_project
from fixtures.servers import warm
from sqlalchemy import delete, select, update

from bakeoff.cli.output.runs.export_formats import to_markdown
from bakeoff.domain.conformance_report import CheckOutcome, CheckResult, ConformanceReport
from bakeoff.domain.finding import Finding, Severity
from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.runs.run import Run
from bakeoff.domain.runs.verdict import RunVerdict
from bakeoff.operations.conformance.conformance_report_store import keep
from bakeoff.operations.judging.compute_run_verdict import verdict_of
from bakeoff.operations.judging.detectable_difference import detectable_difference
from bakeoff.operations.judging.judge_ended_runs import judge_old_run, wait_for_verdict
from bakeoff.operations.runs.run_report import read_report, report_record
from bakeoff.store.bakeoffs import job_queries, run_rows
from bakeoff.store.bakeoffs.results import verdict_rows
from bakeoff.store.database import all_tables
from bakeoff.store.database.engine_and_transactions import writing


@pytest.fixture(scope="module")
def judged() -> Iterator[tuple[Project, Run, RunVerdict]]:
    """A run of two candidates with its verdict."""
    with a_project({"means": {"path": "Means"}, "dices": {"path": "Dices"}}) as project, project.worker():
        run_id = project.run("means", "dices")
        verdict = wait_for_verdict(project.context, run_id)
        assert verdict is not None
        yield project, run_rows.get(project.engine, run_id), verdict


def answer(project: Project, *command: str) -> dict[str, Any]:
    done = warm.run(
        [str(Path(sys.executable).parent / "bakeoff"), *command, "--json"],
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def old(judged: tuple[Project, Run, RunVerdict]) -> Iterator[tuple[Project, Run, RunVerdict]]:
    """The same run as if it had ended before there were sketches and verdicts."""
    project, run, _ = judged
    with writing(project.engine) as connection:
        for table in (all_tables.sketches, all_tables.verdicts):
            connection.execute(delete(table))
        connection.execute(update(all_tables.results).values(intervals={}))
    yield judged
    judge_old_run(project.context, run.id)


def test_an_old_run_gets_the_verdict_that_it_would_have_had(old: tuple[Project, Run, RunVerdict]) -> None:
    project, run, verdict = old
    assert judge_old_run(project.context, run.id) == verdict

    assert verdict_rows.of_run(project.engine, run.id) == verdict
    assert all(result.intervals for result in job_queries.results_of_run(project.engine, run.id))


def test_whoever_shows_an_old_run_has_it_judged(old: tuple[Project, Run, RunVerdict]) -> None:
    project, run, verdict = old
    shown = answer(project, "show", run.id)

    assert shown["verdict"]["sentence"] == verdict.sentence


def test_one_command_judges_all_old_runs_and_then_finds_none(old: tuple[Project, Run, RunVerdict]) -> None:
    project, run, verdict = old

    first, again = (answer(project, "judge") for _ in range(2))

    assert first == {"judged": [{"runId": run.id, "sentence": verdict.sentence}]}
    assert again == {"judged": []}


def test_predictions_that_were_changed_are_not_sketched(old: tuple[Project, Run, RunVerdict]) -> None:
    project, run, _ = old
    jobs = job_queries.of_run(project.engine, run.id)
    files = [project.configuration.predictions_of(run.id, job.id) for job in jobs]
    before = [file.read_bytes() for file in files]
    for file in files:
        file.write_bytes(before[0] + b"x")

    verdict = judge_old_run(project.context, run.id)
    for file, content in zip(files, before, strict=True):
        file.write_bytes(content)
    with writing(project.engine) as connection:  # so that the next test finds an old run again
        connection.execute(delete(all_tables.verdicts))

    assert verdict is not None
    assert verdict.sentence.startswith("Nothing can be claimed of the two candidates: the predictions behind")
    assert [finding.slug for finding in verdict.findings] == ["predictions-not-kept"]


def test_a_plan_says_what_could_be_shown_and_the_last_run_on_the_split_knows_better(
    judged: tuple[Project, Run, RunVerdict],
) -> None:
    project, run, verdict = judged
    measured = detectable_difference(project.context, replace(run, id=new_id()), 2)
    elsewhere = replace(run, dataset=replace(run.dataset, split_id="never used", test_rows=1000))
    planned = detectable_difference(project.context, elsewhere, 2)

    assert measured is not None
    assert measured.difference == verdict.minimum_detectable_difference
    assert measured.sentence.endswith("as the last run on this split measured")
    assert planned is not None
    # Two candidates: the standard error, root of 0.1 / 1000, times 1.96 + 0.84.
    assert (planned.metric, round(planned.difference, 4)) == ("accuracy", 0.028)
    assert planned.to_record()["assumedDisagreement"] == 0.1
    assert detectable_difference(project.context, run, 1) is None


LEAK = Finding(slug="leaky-feature", severity=Severity.HIGH, message="paid leaks", columns=("paid",))


def judged_again(project: Project, run: Run, **columns: Any) -> RunVerdict:
    with writing(project.engine) as connection:
        connection.execute(update(all_tables.runs).values({"findings": None, **columns}))
    judge_old_run(project.context, run.id)
    verdict = verdict_rows.of_run(project.engine, run.id)
    with writing(project.engine) as connection:
        connection.execute(update(all_tables.runs).values(findings=None, options=None))
    assert verdict is not None
    return verdict


def test_a_strict_run_recommends_nobody_while_a_leak_is_open_and_says_which(
    old: tuple[Project, Run, RunVerdict],
) -> None:
    project, run, _ = old
    verdict = judged_again(project, run, findings=[LEAK.to_record()], options={"strict": True})

    assert verdict.recommended is None
    assert verdict.sentence.startswith(
        "Nobody is recommended: strict is on, and leaky-feature (paid) is open. By the scores alone: "
    )


def test_a_run_that_is_not_strict_says_what_it_saw_and_recommends(
    old: tuple[Project, Run, RunVerdict],
) -> None:
    project, run, before = old
    verdict = judged_again(project, run, findings=[LEAK.to_record()])

    assert (verdict.recommended, verdict.sentence) == (before.recommended, before.sentence)
    assert verdict.findings[0] == LEAK
    assert verdict.to_record()["findings"][0]["slug"] == "leaky-feature"


def test_an_accepted_leak_is_in_no_strict_runs_way(old: tuple[Project, Run, RunVerdict]) -> None:
    project, run, before = old
    accepted = replace(LEAK, accepted="it is known in advance")
    verdict = judged_again(project, run, findings=[accepted.to_record()], options={"strict": True})

    assert (verdict.recommended, verdict.sentence) == (before.recommended, before.sentence)


def test_what_bakeoff_check_found_in_a_candidate_stands_in_the_verdict_of_its_runs(
    old: tuple[Project, Run, RunVerdict],
) -> None:
    project, run, _ = old
    configuration = project.context.configuration
    candidate = next(
        job.candidate for job in job_queries.of_run(project.engine, run.id) if job.candidate.id == "dices"
    )
    failed = CheckResult(slug="row-order", outcome=CheckOutcome.FAILED, seen="", cure="")
    keep(configuration, candidate, ConformanceReport(subject="dices", checks=(failed,)))
    try:
        found = {one.slug: one for one in judged_again(project, run).findings}
        report = read_report(project.engine, run.id)
    finally:
        shutil.rmtree(configuration.data_dir / "checks")

    rows = {row["modelId"]: row["findings"] for row in report_record(report)["leaderboard"]}
    assert [name for name, slugs in rows.items() if "failed-checks" in slugs] == ["dices"]
    [marked] = [line for line in to_markdown(report).splitlines() if "fails checks" in line]
    assert "dices" in marked
    assert (found["failed-checks"].message, found["failed-checks"].candidates) == (
        "dices fails row-order",
        ("dices",),
    )


def test_candidates_that_were_fitted_with_other_versions_are_found(
    judged: tuple[Project, Run, RunVerdict],
) -> None:
    project, run, before = judged
    table = all_tables.provenances
    (means,) = [job.id for job in job_queries.of_run(project.engine, run.id) if job.candidate.id == "means"]
    with writing(project.engine) as connection:
        here = table.c.evaluation_id == means
        manifest = connection.execute(select(table.c.manifest).where(here)).scalar_one()
        packages = {**manifest["packages"], "numpy": "0.1"}
        connection.execute(update(table).where(here).values(manifest={**manifest, "packages": packages}))
    found = {one.slug: one for one in verdict_of(project.context, run).findings}
    with writing(project.engine) as connection:
        connection.execute(update(table).where(here).values(manifest=manifest))

    assert "mixed-versions" not in {one.slug for one in before.findings}
    assert "0.1 (means)" in found["mixed-versions"].message
