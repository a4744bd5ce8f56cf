"""An option of a run is declared once, and goes from each request to the row."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from fixtures.projects.project import Project, a_project

#: Adds a line to the declaration, as a developer would, and sends the option by each way there is.
SCRIPT = '''
import asyncio, importlib.util, json, sys

SPEC = "bakeoff.evaluation.planning.declared_run_options"
found = importlib.util.find_spec(SPEC)
text = open(found.origin).read()
where = "    repeat_check: Annotated["
assert text.count(where) == 1
option = """
    dummy_depth: Annotated[int | None, OnCommandLine(panel=_RUNNING, metavar="N")] = Field(
        None, ge=1, description="How deep."
    )
"""
module = importlib.util.module_from_spec(found)
sys.modules[SPEC] = module
exec(compile(text.replace(where, option + where), found.origin, "exec"), module.__dict__)

import httpx
from typer.testing import CliRunner

from bakeoff.api.app import create_app
from bakeoff.api.security.tokens import Tokens
from bakeoff.cli.main import app as command
from bakeoff.store.bakeoffs import run_rows
from tasks.celery import process_context
from tasks.start_sweep_and_score_tasks import start_run_task

context = process_context()
body = {"dataset": "tiny", "models": ["good"], "baseline": False, "fresh": True, "dummyDepth": 3}


def stored(run_id):
    return dict(run_rows.get(context.engine, run_id).options)


async def over_http():
    api = create_app(context, Tokens(context.configuration.tokens_file))
    transport = httpx.ASGITransport(app=api, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        refused = await client.post("/api/ml/evaluations", json={**body, "dummyDepth": 0})
        answer = await client.post("/api/ml/evaluations", json=body)
    return refused.status_code, stored(answer.json()["runId"])


def on_the_command_line(*arguments):
    given = ["run", "tiny", "--models", "good", "--no-baseline", "--detach", "--no-worker", "--json"]
    result = CliRunner().invoke(command, [*given, *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return stored(json.loads(result.stdout)["run"]["runId"])


print(json.dumps({
    "HTTP": asyncio.run(over_http()),
    "message": stored(start_run_task(**body)),
    "command line": on_the_command_line("--dummy-depth", "3"),
    "not given": on_the_command_line(),
    "help": "How deep." in CliRunner().invoke(command, ["plan", "--help"]).stdout,
}))
'''


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    with a_project({"good": {"path": "Means"}}) as project:
        yield project


def test_an_option_that_is_declared_in_one_place_goes_from_each_request_to_the_row(
    project: Project,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "HTTP": [422, {"dummyDepth": 3, "fresh": True}],
        "message": {"dummyDepth": 3, "fresh": True},
        "command line": {"dummyDepth": 3},
        "not given": {},
        "help": True,
    }
