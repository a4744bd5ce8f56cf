"""What the OpenAPI document promises is what the API does: schemathesis tries to show that it is not.

It takes about a minute, and is given three. Left out is the check that whatever fits the schemas is accepted:
which datasets, candidates and runs there are is not said by a schema.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures.projects.project import a_project
from fixtures.servers.api import an_api

_TOKEN = "0123456789abcdef-of-schemathesis"
_SEED = "7"

#: The example of the document names them. One of them fails, so that a run can be retried.
_CANDIDATES = {"ridge": {"path": "Means"}, "knn": {"path": "Raises"}}
_DATASETS = {"breast_cancer": {"source": "csv", "path": "data.csv", "target": "y"}}


@pytest.mark.timeout(240)
def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    with (
        a_project(_CANDIDATES, datasets=_DATASETS) as project,
        project.worker(),
        an_api(project, BAKEOFF_API_TOKEN=_TOKEN) as api,
    ):
        said = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"{api.url}/openapi.json"),
                *("--seed", _SEED, "--max-examples", "8", "--phases", "examples,coverage,fuzzing,stateful"),
                *("--checks", "all", "--exclude-checks", "positive_data_acceptance"),
                *("--header", f"Authorization: Bearer {_TOKEN}", "--request-timeout", "60", "--no-color"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        lines = map(json.loads, api.log.splitlines())
        answers = {line["status"] for line in lines if line["logger"] == "bakeoff.api.security.request_log"}

    assert said.returncode == 0, said.stdout + said.stderr
    assert {200, 202, 401, 404, 405, 422} <= answers
    assert max(answers) < 500
