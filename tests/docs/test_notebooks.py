"""The notebooks of the documentation run from top to bottom, in a real kernel."""

import asyncio
from pathlib import Path
from typing import Any

import nbformat
import pytest
from fixtures.places import ROOT
from nbclient import NotebookClient

NOTEBOOKS = ROOT / "docs" / "notebooks"


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CACHE_HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))


def executed(name: str, folder: Path) -> list[Any]:
    """The outputs of its code cells. A cell that raises fails the test, with its traceback."""
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    client = NotebookClient(
        notebook, timeout=100, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    asyncio.run(client.async_execute())
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    said = [one for cell in cells for one in cell.outputs if one.get("name") == "stderr"]
    assert said == [], "progress is shown as HTML, and no warning comes from us"
    return [cell.outputs for cell in cells]


def shown(outputs: list[Any], kind: str) -> str:
    return "\n".join(one["data"].get(kind, "") for one in outputs if "data" in one)


def printed(outputs: list[Any]) -> str:
    return "".join(one["text"] for one in outputs if one.get("name") == "stdout")


@pytest.mark.services
def test_from_data_to_a_decision(tmp_path: Path) -> None:
    _, compared, verdict, board, _, errors, plan, again, best, predicted = executed(
        "from_data_to_decision.ipynb", tmp_path
    )

    page = shown(compared, "text/html")
    assert all(name in page for name in ("forest", "boosting", "linear", "broken"))
    assert "<script" not in page
    assert "share first place" in printed(verdict)
    assert "standing" in shown(board, "text/html")
    assert "broken: failed at fit: InvalidParameterError" in printed(errors)
    assert shown(plan, "text/plain").count("reuse") == 4
    assert "rule" in shown(again, "text/html")
    assert "models:/data/1.0.0" in shown(best, "text/plain")
    assert shown(predicted, "text/plain").startswith("array([")


@pytest.mark.services
def test_leakage_and_groups(tmp_path: Path) -> None:
    *_, side_by_side, verdict, findings = executed("leakage_and_groups.ipynb", tmp_path)

    rows = {line.split()[0]: line.split() for line in shown(side_by_side, "text/plain").splitlines()[2:]}
    assert float(rows["neighbours"][1]) > 0.95
    assert float(rows["neighbours"][2]) < 0.8
    assert "No candidate is shown to beat dummy" in printed(verdict)
    assert "discharged_to" in shown(findings, "text/html")


@pytest.mark.services
def test_from_a_notebook_to_a_scheduled_project(tmp_path: Path) -> None:
    *_, nightly, runs, predicted = executed("from_notebook_to_project.ipynb", tmp_path)

    assert "nearest_mean" in shown(nightly, "text/html")
    assert "completed" in shown(runs, "text/plain")
    assert shown(predicted, "text/plain") == "array([0, 1, 2, 3, 4])"
    assert sorted(path.name for path in (tmp_path / "digits").iterdir()) == [
        "config",
        "data",
        "digits.parquet",
        "notebook_code",
    ]
