"""The candidates that pages show as examples, and that of a new project, pass our own checks."""

import re
from pathlib import Path

import pytest
from fixtures.places import ROOT

from bakeoff.domain.candidate import Candidate
from bakeoff.evaluation.conformance.check_candidate import PRELOADED, KitLimits, check_candidate
from bakeoff.evaluation.temporary_oven import oven_for

PAGE = ROOT / "docs" / "guide" / "writing-a-model.md"
TEMPLATE = ROOT / "bakeoff" / "cli" / "templates" / "my_model.py"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files as their readers have them."""
    folder = tmp_path_factory.mktemp("examples")
    files = re.findall(
        r"^```python file=(\S+)\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    (folder / "models").mkdir()
    for name, text in [*files, ("models/my_model.py", TEMPLATE.read_text("utf-8"))]:
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize("path", ["models/nearest.py:Nearest", "models/my_model.py:MyModel"])
def test_an_example_passes_every_check(root: Path, path: str) -> None:
    candidate = Candidate(id="example", version="1", path=path)

    with oven_for(root, preload=PRELOADED) as run:
        report = check_candidate(candidate, run, root=root, limits=KitLimits(timeout_s=60))

    assert [(one.slug, one.seen) for one in report.checks if one.outcome == "failed"] == []
    assert len([one for one in report.checks if one.outcome == "passed"]) > 20
