"""Where findings on data are seen on the command line."""

import json

import pytest
from fixtures.projects.command_line import Outcome, Project
from fixtures.values.samples import a_run

from bakeoff.domain.finding import Finding, Severity


@pytest.fixture
def leaky(project: Project) -> Project:
    """A project with a dataset whose column `paid` gives the target away, and one that accepts it."""
    rows = [f"{n * 37 % 101 / 7},{n % 2 * 10 + n * 13 % 17 / 20},{n % 2}" for n in range(400)]
    (project.root / "d.csv").write_text("\n".join(["a,paid,y", *rows]))
    accept = "accept: [leaky-feature paid: it is paid in advance]"
    (project.root / "config" / "bakeoff.yaml").write_text(
        "datasets:\n"
        "  leaky: {source: csv, path: d.csv, target: y}\n"
        f"  known: {{source: csv, path: d.csv, target: y, {accept}}}\n"
    )
    candidate = "tree: {path: sklearn.tree:DecisionTreeClassifier}"
    (project.root / "config" / "models.yaml").write_text(f"models: {{{candidate}}}\n")
    return project


def test_a_leak_is_told_with_its_cure_and_the_exit_code_is_1(leaky: Project) -> None:
    checked = leaky.bakeoff("datasets", "check", "leaky")
    assert checked.exit_code == 1
    assert checked.stdout.splitlines()[1:] == [
        "leaky  300 rows to train, 100 to test, 2 features",
        "leaky-feature  paid alone predicts y: AUC 1.000",
        "  fix: `drop: [paid]`; if it is known in time, `accept: [leaky-feature paid: the reason]`",
    ]


def test_an_accepted_finding_is_shown_with_its_reason_and_is_no_error(leaky: Project) -> None:
    checked = leaky.bakeoff("datasets", "check", "known")
    assert checked.exit_code == 0
    assert "  accepted: it is paid in advance" in checked.stdout.splitlines()


def test_a_file_is_checked_without_any_configuration(leaky: Project) -> None:
    file = str(leaky.root / "d.csv")
    checked = leaky.bakeoff("datasets", "check", file, "--target", "y", "--json")
    [finding] = json.loads(checked.stdout)["findings"]
    assert (checked.exit_code, finding["slug"], finding["columns"]) == (1, "leaky-feature", ["paid"])


def test_a_plan_shows_what_is_known_of_the_data(leaky: Project) -> None:
    assert "leaky-feature  paid alone predicts y: AUC 1.000" in leaky.bakeoff("plan", "leaky").stdout
    assert "drop: [paid]" in leaky.bakeoff("plan", "leaky", "--findings").stdout
    [finding] = json.loads(leaky.bakeoff("plan", "leaky", "--json").stdout)["findings"]
    assert finding["slug"] == "leaky-feature"


def test_a_plan_has_one_line_for_the_members_of_a_grid_and_all_on_demand(leaky: Project) -> None:
    grid = ("plan", "leaky", "--grid", "tree.max_depth=1,2,3")
    assert "tree (3 members)" in leaky.bakeoff(*grid).stdout
    told = leaky.bakeoff(*grid, "--members").stdout
    assert [f"tree.max_depth-{depth} " in told for depth in (1, 2, 3)] == [True] * 3
    assert "members)" not in told


def test_a_run_shows_a_line_for_each_kind_and_all_of_them_on_demand(leaky: Project) -> None:
    leaks = [
        Finding(
            slug="leaky-feature",
            severity=Severity.HIGH,
            message=f"{name} leaks",
            cure=f"drop: [{name}]",
            columns=(name,),
            examples=(3, 4),
        )
        for name in ("a", "b")
    ]
    run = a_run(findings=tuple(leaks))
    leaky.fill(run, [Outcome(model="tree", f1=0.5)])

    shown = leaky.bakeoff("show", run.id).stdout
    whole = leaky.bakeoff("show", run.id, "--findings").stdout
    assert shown.count("leaky-feature") == 1
    assert "leaky-feature  a leaks; also b" in shown
    assert "`bakeoff show --findings` says what to do about it" in shown
    assert "`bakeoff show --findings`" not in whole
    assert [line for line in whole.splitlines() if "leak" in line or "drop" in line or "rows 3" in line] == [
        "leaky-feature  a leaks",
        "  rows 3, 4, counted from 0",
        "  fix: drop: [a]",
        "leaky-feature  b leaks",
        "  rows 3, 4, counted from 0",
        "  fix: drop: [b]",
    ]
