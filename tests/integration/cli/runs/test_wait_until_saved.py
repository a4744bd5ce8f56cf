"""What a command says while the models of its run are not saved yet."""

import io
import threading

import pytest
from fixtures.projects.command_line import Outcome, Project
from fixtures.values.samples import a_run
from rich.console import Console

from bakeoff.cli.output.runs import saving_and_tracking_view
from bakeoff.cli.project_access import open_project
from bakeoff.domain.runs.model_saving import SavePolicy, SaveRequest, SavingOutcome
from bakeoff.store.bakeoffs import saving_rows


def test_while_mlflow_is_away_the_command_says_what_it_waits_for_and_which_try_it_is(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.root / "config" / "bakeoff.yaml").write_text(
        "modelRegistry: {backend: mlflow, trackingUri: 'http://127.0.0.1:9'}\n"
    )
    run = a_run(save=SaveRequest(policy=SavePolicy.BEST, name="churn"))
    project.fill(run, [Outcome(model="tree", f1=0.5)])
    lease = saving_rows.take(project.engine, run.id, lease_s=60)
    assert lease is not None
    monkeypatch.setattr(saving_and_tracking_view, "_SAY_EVERY_S", 1)
    console = Console(file=io.StringIO(), width=200, color_system=None)
    threading.Timer(2.5, saving_rows.finish, [lease, SavingOutcome()]).start()

    saving_and_tracking_view.wait_until_saved(open_project(None), run, console)

    said = console.file.getvalue().splitlines()
    assert said[0] == "comparing with Production, and saving the models"
    assert said[1].startswith("still saving after 1 s: try 1; MLflow at http://127.0.0.1:9 does not answer: ")
    assert said[2].startswith("still saving after 2 s: try 1; MLflow")
