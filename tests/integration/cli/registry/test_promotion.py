"""`bakeoff registry promote`, `rollback`, `history`, `alias`: what they print, and how they end."""

import json
import re

import numpy as np
import pytest
import yaml
from fixtures.projects.command_line import TERMINAL
from sklearn.linear_model import LinearRegression

from bakeoff.domain.model_version import VersionOrigin

MODEL = LinearRegression().fit(np.arange(6).reshape(3, 2), [1, 2, 3])
HERE = VersionOrigin(run_id="r1", dataset_id="d1", split_id="s1")
GATES = [{"metric": "f1", "min": 0.5}, {"metric": "f1", "betterThanProduction": True}]
HOOKS = [{"command": ["true"]}, {"command": ["false"]}]


@pytest.fixture
def registry(project, make_registry):
    """Four versions of churn, the first of which is in Production, and a project with gates."""
    configure(project, gates=GATES)
    registry = make_registry(project.root / "data" / "models" / "registry")
    for f1 in (0.75, 0.875, 0.25, 0.9):
        registry.save_model(MODEL, "churn", metrics={"f1": f1}, origin=HERE)
    registry.transition_model_stage("churn/1.0.0", "Production", by="ada")
    return registry


def configure(project, **promotion):
    settings = {"modelRegistry": {"promotion": promotion}}
    (project.root / "config" / "bakeoff.yaml").write_text(yaml.safe_dump(settings))


def said(project, *arguments, **options):
    """What the command printed, when all went well."""
    done = project.bakeoff("registry", *arguments, **options)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def refused(project, *arguments):
    done = project.bakeoff("registry", *arguments)
    return done.exit_code, " ".join(done.stderr.split())


def production(registry):
    return registry.get("models:/churn/Production").version


def test_a_promotion_says_what_it_replaced_which_gates_were_passed_and_what_hooks_said(project, registry):
    configure(project, gates=GATES, hooks=HOOKS)
    done = project.bakeoff("registry", "promote", "churn/1.0.1", "--reason", "spring")

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "churn/1.0.1: Development → Production, in place of 1.0.0",
        "  ✓ gate f1 at least 0.5: f1 0.875 is 0.38 above 0.5",
        "  ✓ gate f1 better than Production: f1 0.875 is 0.12 above Production 1.0.0 (0.75)",
        "  ✓ hook true",
        "  ✗ hook false: it ended with exit code 1",
    ]
    assert production(registry) == "1.0.1"


def test_a_refusal_ends_with_code_1_and_says_which_gate_and_by_how_much(project, registry):
    code, error = refused(project, "promote", "churn/1.0.2")

    assert code == 1
    assert error == (
        "error: models:/churn/1.0.2 was not promoted to Production, for it did not pass: "
        "f1 at least 0.5: f1 0.25 is 0.25 below 0.5; "
        "f1 better than Production: f1 0.25 is 0.5 below Production 1.0.0 (0.75)"
    )
    assert production(registry) == "1.0.0"


def test_a_refusal_as_json_has_each_gate_with_its_numbers(project, registry):
    done = project.bakeoff("registry", "promote", "churn/1.0.2", "--json")

    assert done.exit_code == 1
    assert [(gate["measured"], gate["needed"]) for gate in json.loads(done.stdout)["refused"]] == [
        (0.25, 0.5),
        (0.25, 0.75),
    ]


def test_force_promotes_all_the_same_and_says_so(project, registry):
    lines = said(project, "promote", "churn/1.0.2", "--force").splitlines()

    assert lines[0] == "churn/1.0.2: Development → Production, in place of 1.0.0, forced"
    assert lines[1].startswith("  ✗ gate f1 at least 0.5")
    assert production(registry) == "1.0.2"


def test_a_promotion_as_json_is_its_line_of_the_log(project, registry):
    line = json.loads(said(project, "promote", "churn/1.0.3", "--to", "staging", "--json"))

    assert (line["version"], line["toStage"], line["replaced"]) == ("1.0.3", "Staging", None)
    assert [gate["passed"] for gate in line["evidence"]["gates"]] == [True, True]
    assert registry.history("churn")[0].to_record() == line


def test_rollbacks_walk_back_and_say_when_nothing_is_left(project, registry):
    for version in ("1.0.1", "1.0.3"):
        said(project, "promote", f"churn/{version}")

    assert said(project, "rollback", "churn").startswith(
        "churn/1.0.1: Archived → Production, in place of 1.0.3, rolled back"
    )
    assert json.loads(said(project, "rollback", "churn", "--json"))["version"] == "1.0.0"
    code, error = refused(project, "rollback", "churn")
    assert code == 2
    assert error == (
        "error: no former version of churn is there to go back to: `bakeoff registry history churn` lists "
        "what was promoted"
    )
    assert production(registry) == "1.0.0"


def test_the_history_tells_it_newest_first(project, registry):
    configure(project, gates=GATES, hooks=HOOKS)
    said(project, "promote", "churn/1.0.1", "--reason", "spring", env={"LOGNAME": "bob"})
    said(project, "rollback", "churn", env={"LOGNAME": "bob"})

    lines = said(project, "history", env={"TZ": "UTC"}).splitlines()
    assert lines[0].split() == ["when", "model", "what"]
    assert [line[18:].strip() for line in lines[1:]] == [
        "churn/1.0.0  sent to 2 hooks, 1 failed: false: it ended with exit code 1",
        "churn/1.0.0  Archived → Production, in place of 1.0.1, rolled back by bob",
        "churn/1.0.1  sent to 2 hooks, 1 failed: false: it ended with exit code 1",
        "churn/1.0.1  Development → Production, in place of 1.0.0 by bob: spring",
        "churn/1.0.0  Development → Production by ada",
    ]
    assert [line["version"] for line in json.loads(said(project, "history", "churn", "--json"))] == [
        "1.0.0",
        "1.0.0",
        "1.0.1",
        "1.0.1",
        "1.0.0",
    ]
    assert len(said(project, "history", "--limit", "2").splitlines()) == 3


def test_the_history_shows_what_a_verdict_said_of_production(project, registry):
    compared = {
        "reference": "Production (churn 1.0.0)",
        "metric": "f1",
        "difference": 0.031,
        "low": 0.012,
        "high": 0.05,
        "pValue": 0.0041,
        "rows": 1450,
        "run": "0123456789abcdef",
        "mayKnowRows": True,
    }
    gates = [{"gate": "f1 shown to be better than Production", "passed": True, "comparison": compared}]
    registry.transition_model_stage("churn/1.0.1", "Production", by="ada", evidence={"gates": gates})

    told = " ".join(said(project, "history", "churn").split())
    assert (
        "Development → Production, in place of 1.0.0 by ada f1 +0.031 beside Production (churn 1.0.0) "
        "(+0.012 to +0.05, adjusted p 0.0041) on 1,450 rows of run 01234567; "
        "Production may know some of these rows"
    ) in told


def test_a_gate_that_needs_a_verdict_refuses_a_version_without_one_and_says_how_to_get_it(project, registry):
    configure(project, gates=[{"metric": "f1", "betterThanProduction": "shown"}])
    code, error = refused(project, "promote", "churn/1.0.1")

    assert code == 1
    assert error == (
        "error: models:/churn/1.0.1 was not promoted to Production, for it did not pass: "
        "f1 shown to be better than Production: no run compares 1.0.1 with Production 1.0.0: "
        "evaluate its candidate in a run that saves models under this name, "
        "`bakeoff run DATASET --save best --save-as churn`, and promote what that saves"
    )
    assert production(registry) == "1.0.0"


@pytest.mark.usefixtures("registry")
def test_on_a_terminal_the_history_stays_within_its_width(project):
    said(project, "promote", "churn/1.0.1", "--reason", "for a reason that takes a whole line to tell")
    shown = re.sub(r"\x1b\[[0-9;]*m", "", said(project, "history", env={**TERMINAL}))

    assert max(map(len, shown.splitlines())) <= 80
    assert "that takes a whole line to tell" in " ".join(shown.split())


def test_a_name_without_history_has_none(project, registry):
    registry.save_model(MODEL, "fraud")

    assert (
        said(project, "history", "fraud")
        == "no version was promoted yet: `bakeoff registry promote` does it\n"
    )
    assert json.loads(said(project, "history", "fraud", "--json")) == []


def test_an_alias_is_given_moved_and_taken_away(project, registry):
    assert said(project, "alias", "churn", "champion", "1.0.0") == (
        "models:/churn@champion is models:/churn/1.0.0\n"
    )
    given = json.loads(said(project, "alias", "churn", "champion", "latest", "--json"))
    assert given == {"modelName": "churn", "alias": "champion", "version": "1.0.3"}
    assert registry.get("models:/churn@champion").version == "1.0.3"
    assert said(project, "alias", "churn", "champion", "--remove") == ("models:/churn@champion is removed\n")
    assert all(not version.aliases for version in registry.versions())


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["promote", "churn/9.9.9"], "error: the registry has no model churn/9.9.9: "),
        (["promote", "churn/1.0.0"], "error: models:/churn/1.0.0 is in Production already"),
        (["promote", "churn/1.0.1", "--to", "live"], "error: 'live' is no stage: there are Development, "),
        (["rollback", "chrun"], "error: the registry has no model chrun: `bakeoff registry list` lists what"),
        (["history", "chrun"], "error: the registry has no model chrun: `bakeoff registry list` lists what"),
        (["alias", "churn", "champion"], "error: give either the version that the alias is to mean, or "),
        (["alias", "churn", "champion", "1.0.0", "--remove"], "error: give either the version that "),
        (["alias", "churn", "v7", "1.0.0"], "error: 'v7' is no alias: "),
        (["alias", "churn", "champion", "7.7.7"], "error: the registry has no model models:/churn/7.7.7: "),
    ],
)
def test_what_cannot_be_is_refused_with_code_2(project, arguments, message):
    code, error = refused(project, *arguments)

    assert code == 2
    assert error.startswith(message)


@pytest.mark.parametrize("command", [["promote", "churn/1.0.0"], ["rollback", "churn"], ["history"]])
def test_where_no_model_was_ever_saved_it_is_told_how_to_and_nothing_is_made(project, command):
    code, error = refused(project, *command)

    assert code == 2
    assert error.startswith("error: no model was ever saved in ")
    assert not (project.root / "data" / "models").exists()
