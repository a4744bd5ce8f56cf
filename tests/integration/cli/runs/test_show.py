"""`bakeoff show`: the leaderboard, on a terminal, in a pipe, and for other programs."""

import csv
import io
import json
from dataclasses import replace

import pytest
from fixtures.projects.command_line import MIXED, TERMINAL, Outcome, Project, a_mixed_run
from fixtures.values.samples import DATASET, RULES, a_candidate, a_job, a_run
from fixtures.values.stored import judge_all

from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules
from bakeoff.domain.runs.job import JobState
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.store.bakeoffs import run_rows

PLAIN = {**TERMINAL, "NO_COLOR": "1"}


def lines_of(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def without_styles(text: str) -> list[str]:
    from rich.text import Text

    return [Text.from_ansi(line).plain.rstrip() for line in text.splitlines()]


def test_in_a_pipe_the_leaderboard_is_plain_aligned_lines(project: Project) -> None:
    run = a_mixed_run(project)

    said = project.bakeoff("show")

    assert said.exit_code == 0
    assert said.stdout.splitlines()[:4] == [
        f"run        spring  {run.id}",
        "data       flowers  75 rows to train, 25 to test, 4 features",
        "target     species  binary, 2 classes (no, yes), positive yes",
        "scored by  f1, accuracy  binary average  seed 0",
    ]
    assert said.stdout.splitlines()[4].startswith(
        "state      ◐ partial  4 completed, 1 failed, 1 timed out  in "
    )
    assert said.stdout.splitlines()[5:11] == [
        "",
        "#  model   version      f1  accuracy  fit s  CPU s  memory MB",
        "1  forest  1.0      0.8750    0.9000   12.0   2.50        120",
        "2  tree    1.0      0.7500         -    1.5   2.50        120  2 warnings",
        "3  dummy   1.0      0.5000    0.6250    0.0   2.50        120  baseline",
        "4  worse   1.0      0.2500    0.3000    1.0   2.50        120  not better",
    ]


def test_one_exploding_value_leaves_the_others_their_digits(project: Project) -> None:
    scores = {"ridge": 0.9125, "forest": 0.875, "linear": -1e19}
    project.fill(a_run(rules=RULES), [Outcome(model=name, f1=f1) for name, f1 in scores.items()])

    rows = project.bakeoff("show").stdout.splitlines()[7:10]

    assert [row.split()[3] for row in rows] == ["0.9125", "0.8750", "-1.0e+19"]


def test_the_header_names_the_average_only_where_a_metric_is_averaged(project: Project) -> None:
    project.fill(a_run(rules=replace(RULES, metrics=("accuracy",), threshold=0.3)), MIXED)

    assert "scored by  accuracy, threshold 0.3  seed 0" in project.bakeoff("show").stdout.splitlines()


def test_candidates_without_a_result_are_listed_with_what_to_do(project: Project) -> None:
    run = a_run(baseline_id="dummy")
    jobs = project.fill(run, MIXED)

    said = project.bakeoff("show")

    assert said.stdout.splitlines()[11:] == [
        "",
        "2 candidates without a result",
        "  ✗ broken 1.0  failed in fit",
        "    ValueError: bad �[31mluck",
        "    second line",
        "    hint: mend it",
        f"    bakeoff logs {jobs[4].id[:8]}",
        "  ✗ slow 1.0  timed out",
        "    Timeout: took longer than 5 s",
        f"    bakeoff logs {jobs[5].id[:8]}",
    ]


def test_errors_adds_tracebacks_and_logs(project: Project) -> None:
    a_mixed_run(project)

    assert "Traceback: here" not in project.bakeoff("show").stdout
    said = project.bakeoff("show", "--errors").stdout

    assert "    Traceback: here\n    the last lines of its log:\n    epoch 1\n" in said


def test_errors_says_the_warnings_that_the_leaderboard_counts(project: Project) -> None:
    details = {"warnings": ["roc_auc failed: it needs \x1b[31mscores", "not saved: it takes 41 MB"]}
    project.fill(a_run(), [Outcome(model="tree", f1=0.75, details=details), Outcome(model="good", f1=0.5)])

    assert "roc_auc failed" not in project.bakeoff("show").stdout
    said = project.bakeoff("show", "--errors").stdout

    assert said.endswith(
        "\n\ntree 1.0  2 warnings\n    roc_auc failed: it needs �[31mscores\n    not saved: it takes 41 MB\n"
    )


def test_a_candidate_that_was_tuned_says_with_what_outcome(project: Project) -> None:
    one = {"params": {"depth": 4, "rate": 0.1}}
    project.fill(
        a_run(),
        [
            Outcome(model="one", f1=0.75, details={"tuning": [one]}),
            Outcome(model="five", f1=0.5, details={"tuning": [one] * 5}),
        ],
    )

    said = [line.rstrip() for line in project.bakeoff("show").stdout.splitlines()]

    assert [line for line in said if line.endswith("tuned: depth=4, rate=0.1")]
    assert [line for line in said if line.endswith("tuned in each fit")]


def test_on_a_narrow_terminal_costs_go_first_and_are_named(project: Project) -> None:
    a_mixed_run(project)

    said = project.bakeoff("show", env={**PLAIN, "COLUMNS": "60"})

    table = without_styles(said.stdout)
    assert table[table.index("#  model   version      f1  accuracy  fit s") :][:6] == [
        "#  model   version      f1  accuracy  fit s",
        "1  forest  1.0      0.8750    0.9000   12.0",
        "2  tree    1.0      0.7500         -    1.5  2 warnings",
        "3  dummy   1.0      0.5000    0.6250    0.0  baseline",
        "4  worse   1.0      0.2500    0.3000    1.0  not better",
        "no room for CPU, memory (--format csv has them)",
    ]


def test_no_line_is_wider_than_the_terminal(project: Project) -> None:
    metrics = tuple(f"metric_number_{place}" for place in range(12))
    run = a_run(rules=ScoringRules(metrics=("f1", *metrics)))
    project.fill(run, [Outcome(model="m" * 100, f1=0.5), Outcome(model="n", f1=0.25)])

    said = project.bakeoff("show", env={**PLAIN, "COLUMNS": "60"})

    assert max(len(line) for line in without_styles(said.stdout)[6:9]) <= 60
    assert "mmmmmmmmmmmmmmmmmmm…" in said.stdout


def test_in_a_pipe_nothing_is_cut(project: Project) -> None:
    project.fill(a_run(), [Outcome(model="m" * 100, f1=0.5)])

    assert "m" * 100 in project.bakeoff("show").stdout


def test_colours_come_with_a_terminal_and_go_with_no_color(project: Project) -> None:
    a_mixed_run(project)

    assert "\x1b[" not in project.bakeoff("show").stdout
    assert "\x1b[31mtimed out" in project.bakeoff("show", env=TERMINAL).stdout
    assert "\x1b[31mtimed out" not in project.bakeoff("show", env=PLAIN).stdout


@pytest.fixture
def hundred(project: Project) -> Project:
    outcomes = [Outcome(model=f"m{place:03}", f1=place / 100) for place in range(100)]
    outcomes += [Outcome(model=f"bad{place:02}", state=JobState.FAILED) for place in range(40)]
    project.fill(a_run(), outcomes)
    return project


def test_a_terminal_shows_thirty_and_says_how_to_see_the_others(hundred: Project) -> None:
    said = without_styles(hundred.bakeoff("show", env=TERMINAL).stdout)

    assert said[36] == "30  m070   1.0      0.7000         -   1.00   2.50        120"
    assert said[37] == "70 more candidates below these: --top 100 shows all"
    assert said[-1] == "  … and 10 more: --errors shows all"


def test_a_pipe_shows_all_and_top_some(hundred: Project) -> None:
    assert "m000" in hundred.bakeoff("show").stdout
    top = hundred.bakeoff("show", "--top", "2").stdout.splitlines()

    assert top[7:10] == [
        "1  m099   1.0      0.9900         -   1.00   2.50        120",
        "2  m098   1.0      0.9800         -   1.00   2.50        120",
        "98 more candidates below these: --top 100 shows all",
    ]


def test_json_holds_records_ranks_and_failures(project: Project) -> None:
    run = a_mixed_run(project)

    said = json.loads(project.bakeoff("show", "--json").stdout)

    assert said["run"]["runId"] == run.id
    assert said["run"]["status"] == "partial"
    assert said["run"]["jobs"] == {
        "queued": 0,
        "running": 0,
        "waiting": 0,
        "completed": 4,
        "failed": 1,
        "timed_out": 1,
        "cancelled": 0,
        "stopped": 0,
    }
    assert [(row["rank"], row["modelId"], row["beatsBaseline"]) for row in said["leaderboard"]] == [
        (1, "forest", True),
        (2, "tree", True),
        (3, "dummy", None),
        (4, "worse", False),
    ]
    assert said["leaderboard"][0]["metrics"] == {"f1": 0.875, "accuracy": 0.9}
    assert said["leaderboard"][0]["fitSeconds"] == 12.0
    assert [(row["modelId"], row["status"], row["error"]["type"]) for row in said["failed"]] == [
        ("broken", "failed", "ValueError"),
        ("slow", "timed_out", "Timeout"),
    ]
    assert project.bakeoff("show", "--format", "json").stdout == project.bakeoff("show", "--json").stdout


def test_csv_has_a_row_for_each_candidate(project: Project) -> None:
    a_mixed_run(project)

    rows = list(csv.DictReader(io.StringIO(project.bakeoff("show", "--format", "csv").stdout)))

    assert [
        (row["rank"], row["modelId"], row["status"], row["f1"], row["beatsBaseline"]) for row in rows
    ] == [
        ("1", "forest", "completed", "0.875", "True"),
        ("2", "tree", "completed", "0.75", "True"),
        ("3", "dummy", "completed", "0.5", ""),
        ("4", "worse", "completed", "0.25", "False"),
        ("", "broken", "failed", "", ""),
        ("", "slow", "timed_out", "", ""),
    ]
    assert rows[4]["error"] == "ValueError: bad \x1b[31mluck\nsecond line"


def test_markdown_is_a_table_and_a_list(project: Project) -> None:
    run = a_run(baseline_id="dummy", name="a | b")
    project.fill(run, MIXED)

    lines = project.bakeoff("show", "--format", "md").stdout.splitlines()

    assert lines[0] == "## a \\| b"
    assert lines[4:9] == [
        "| # | model | version | f1 | accuracy | fit s | CPU s | memory MB |  |",
        "| ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |",
        "| 1 | forest | 1.0 | 0.8750 | 0.9000 | 12.000 | 2.500 | 120 |  |",
        "| 2 | tree | 1.0 | 0.7500 | - | 1.500 | 2.500 | 120 |  |",
        "| 3 | dummy | 1.0 | 0.5000 | 0.6250 | 0.010 | 2.500 | 120 | baseline |",
    ]
    assert lines[-1] == "- **slow** 1.0: timed_out in fit: Timeout: took longer than 5 s"


def test_another_metric_can_rank(project: Project) -> None:
    project.fill(
        a_run(), [Outcome(model="a", f1=0.9, accuracy=0.1), Outcome(model="b", f1=0.1, accuracy=0.9)]
    )

    said = project.bakeoff("show", "--metric", "accuracy").stdout.splitlines()

    assert said[6].split() == [
        "#",
        "model",
        "version",
        "accuracy",
        "f1",
        "fit",
        "s",
        "CPU",
        "s",
        "memory",
        "MB",
    ]
    assert said[7].split()[:5] == ["1", "b", "1.0", "0.9000", "0.1000"]


def test_numbers_of_a_regression_keep_the_digits_that_tell_something(project: Project) -> None:
    rules = ScoringRules(metrics=("f1", "accuracy"))
    project.fill(
        a_run(rules=rules),
        [Outcome(model="a", f1=53412.25, accuracy=1.5e-7), Outcome(model="b", f1=8.5, accuracy=0.0)],
    )

    said = project.bakeoff("show").stdout.splitlines()

    assert said[7].split()[:5] == ["1", "a", "1.0", "53412", "1.5e-07"]
    assert said[8].split()[:5] == ["2", "b", "1.0", "8", "0.0000"]


CLASSES = {
    "classes": ["no", "yes"],
    "classCount": 2,
    "perClass": [
        {"label": "no", "precision": 0.91, "recall": 0.8, "f1": 0.85, "support": 12},
        {"label": "yes", "precision": 0.8, "recall": None, "f1": 0.85, "support": 1300},
    ],
    "confusion": [[10, 2], [0, 1300]],
    "warnings": ["f2 is undefined"],
}


def test_details_show_classes_and_confusions(project: Project) -> None:
    project.fill(a_run(), [Outcome(model="a", f1=0.875, details=CLASSES)])

    assert project.bakeoff("show", "--details", "a").stdout.splitlines() == [
        "",
        "a 1.0  f1 0.8750, accuracy -",
        "",
        "class  precision  recall      f1   rows",
        "no        0.9100  0.8000  0.8500     12",
        "yes       0.8000       -  0.8500  1,300",
        "",
        "true ↓  predicted →  no    yes",
        "no                   10      2",
        "yes                   ·  1,300",
        "warning  f2 is undefined",
    ]


def test_a_label_that_is_no_class_is_the_last_of_the_confusions(project: Project) -> None:
    details = {**CLASSES, "classes": ["no", "yes", "?"], "confusion": [[1, 0, 4], [0, 2, 0], [0, 0, 0]]}
    project.fill(a_run(), [Outcome(model="a", f1=0.875, details=details)])

    said = project.bakeoff("show", "--details", "a").stdout.splitlines()

    assert said[7:9] == ["true ↓  predicted →  no  yes  ?", "no                    1    ·  4"]


def test_details_show_residuals(project: Project) -> None:
    residuals = {"mean": 0.5, "std": 12.25, "quantiles": {"0": -3.0, "0.05": -1.0, "0.5": 0.25, "1": 99.5}}
    dataset = DATASET.__class__(**{**DATASET.__dict__, "target_kind": TargetKind.REGRESSION, "classes": ()})
    run = a_run(dataset=dataset, rules=ScoringRules(metrics=("f1",)))
    project.fill(run, [Outcome(model="a", f1=0.875, details={"residuals": residuals, "warnings": []})])

    assert project.bakeoff("show", "--details", "a").stdout.splitlines()[3:] == [
        "residuals  true less predicted",
        "mean                     0.500",
        "spread                  12.250",
        "least                   -3.000",
        "5%                      -1.000",
        "median                   0.250",
        "greatest                99.500",
    ]
    assert "target     species  regression\n" in project.bakeoff("show").stdout


def test_details_as_json_are_the_record_with_all_details(project: Project) -> None:
    project.fill(a_run(), [Outcome(model="a", f1=0.875, details=CLASSES)])

    (record,) = json.loads(project.bakeoff("show", "--details", "a", "--json").stdout)

    assert (record["modelId"], record["rank"], record["details"]) == ("a", 1, CLASSES)


def test_a_run_is_named_by_the_beginning_of_its_id_or_is_the_latest(project: Project) -> None:
    early = a_mixed_run(project)
    late = a_run(created_at=early.created_at.replace(year=2030))
    project.fill(late, [Outcome(model="only", f1=0.5)])

    assert early.id in project.bakeoff("show", early.id[:10]).stdout
    assert late.id in project.bakeoff("show").stdout
    assert late.id in project.bakeoff("show", "latest").stdout


def test_a_run_is_followed_to_its_end_and_its_exit_code(project: Project) -> None:
    a_mixed_run(project)

    followed = project.bakeoff("show", "spring", "-f")

    assert followed.exit_code == 3
    assert followed.stdout.endswith(project.bakeoff("show", "spring").stdout)
    assert project.bakeoff("show", "spring").exit_code == 0


def test_a_run_that_has_not_begun_has_a_state_and_no_leaderboard(project: Project) -> None:
    project.fill(a_run(rules=RULES), [Outcome(model="a", state=JobState.QUEUED)])

    assert project.bakeoff("show").stdout.splitlines()[4:] == ["state      · queued  1 queued"]


def test_a_priority_is_shown_where_there_is_one(project: Project) -> None:
    project.fill(a_run(rules=RULES, priority=7), [Outcome(model="a", state=JobState.QUEUED)])

    assert project.bakeoff("show").stdout.splitlines()[5:] == ["priority   +7"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "zzz"], "error: there is no run zzz: `bakeoff runs` lists them"),
        (["show", "lates"], "there is no run lates; did you mean 'latest'? `bakeoff runs` lists them"),
        (["logs", "tree"], "of a run; a candidate is named after its run, as in `latest MODEL`"),
        (
            ["report", "-o", "/no/such/x.html"],
            "error: there is no folder /no/such: make it, or write elsewhere",
        ),
        (["report", "-o", "/"], "error: / is a folder: name a file in it"),
        (["show", "--metric", "f2"], "error: no result has the metric 'f2'; there are accuracy, f1"),
        (["show", "--details", "x"], "has no result of 'x'; there are results of forest, tree, dummy, worse"),
        (["show", "--top", "0"], "Invalid value for '--top'"),
        (["show", "--format", "xml"], "'xml' is not one of 'table', 'json', 'csv', 'md'"),
        (
            ["show", "--details", "tree", "--format", "csv"],
            "--details is written as table or json, not as csv",
        ),
        (["show", "--config", "nowhere.yaml"], "error: there is no configuration file nowhere.yaml: "),
    ],
)
def test_wrong_usage_is_one_clear_line_and_code_2(project: Project, arguments: list[str], said: str) -> None:
    a_mixed_run(project)

    done = project.bakeoff(*arguments, env={"COLUMNS": "200"})

    assert (done.exit_code, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_project_without_runs_says_how_to_make_one(project: Project) -> None:
    said = project.bakeoff("show")

    assert said.exit_code == 2
    assert said.stderr.startswith(
        f"error: nothing was ever run in {project.root}: `bakeoff run` makes the first"
    )


def a_run_with_a_grid(project: Project) -> None:
    scores = {"forest.depth-2": 0.75, "forest.depth-4": 0.875, "forest.depth-8": 0.5, "line": 0.625}
    run = a_run(rules=RULES)
    jobs = [
        a_job(
            run, place, candidate=a_candidate(id=name, family=name.partition(".")[0] if "." in name else None)
        )
        for place, name in enumerate(scores)
    ]
    assert run_rows.create(project.engine, run, jobs)
    for job in jobs:
        Outcome(model=job.candidate.id, f1=scores[job.candidate.id]).happen(project.engine, job)
    judge_all(project.engine)


def test_of_a_grid_the_best_member_is_shown_and_all_on_demand(project: Project) -> None:
    a_run_with_a_grid(project)

    folded = project.bakeoff("show").stdout.splitlines()[7:]
    assert [(row.split()[1], "best of 3 of forest" in row) for row in folded[:2]] == [
        ("forest.depth-4", True),
        ("line", False),
    ]
    assert "of a grid the best member is shown: --members shows all" in folded[2]

    every = project.bakeoff("show", "--members").stdout.splitlines()[7:11]
    assert [row.split()[1] for row in every] == ["forest.depth-4", "forest.depth-2", "line", "forest.depth-8"]

    record = json.loads(project.bakeoff("show", "--json").stdout)
    assert [row["family"] for row in record["leaderboard"]] == ["forest", "forest", None, "forest"]
