"""A whole run of candidates that need a token and weights from outside their cells."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fixtures.servers import warm

TOKEN = "hf_0123456789abcdef"
MODEL = '''
import os
from pathlib import Path


class Pretrained:
    """Answers what its weights say; they are found as Hugging Face's libraries find them."""

    def fit(self, X, y):
        cache = Path(os.environ["XDG_CACHE_HOME"], "weights", "answer.txt")
        self.answer = (Path.home() / ".cache" / "weights" / "answer.txt").read_text() and cache.read_text()
        print("logged in with", os.environ["HUB_TOKEN"])
        return self

    def predict(self, X):
        return [self.answer] * len(X)


class Talkative(Pretrained):
    def fit(self, X, y):
        raise ValueError("refused: " + os.environ["HUB_TOKEN"])


class HangsAtItsEnd:
    def fit(self, X, y):
        return self

    def predict(self, X):
        return ["yes"] * len(X)

    def __del__(self):
        import time

        time.sleep(600)


class Forgetful(Pretrained):
    def fit(self, X, y):
        self.answer = os.environ["HUB_TOKEN"]
        return self
'''
CATALOG = """
models:
  pretrained: {path: models/hub.py:Pretrained, env: [HUB_TOKEN], readable: [~/.cache/weights]}
  without_weights: {path: models/hub.py:Pretrained, env: [HUB_TOKEN]}
  talkative: {path: models/hub.py:Talkative, env: [HUB_TOKEN]}
  hangs: {path: models/hub.py:HangsAtItsEnd, timeout: 60}
  forgetful: {path: models/hub.py:Forgetful}
  nosy: {path: models/hub.py:Forgetful, readable: [data]}
"""


def bakeoff(root: Path, *arguments: str) -> Any:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BAKEOFF_")}
    environment = {**kept, "HOME": str(root.parent), "HUB_TOKEN": TOKEN}
    return warm.run(
        [sys.executable, "-m", "bakeoff.cli.main", *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    home = tmp_path_factory.mktemp("home")
    root = home / "project"
    for folder in (root / "config", root / "models", home / ".cache" / "weights"):
        folder.mkdir(parents=True)
    (home / ".cache" / "weights" / "answer.txt").write_text("yes")
    (root / "models" / "hub.py").write_text(MODEL)
    (root / "config" / "models.yaml").write_text(CATALOG)
    (root / "config" / "bakeoff.yaml").write_text("evalWorkers: 2\n")
    rows = [f"{n % 17},{('no', 'yes')[n % 2]}" for n in range(80)]
    (root / "table.csv").write_text("\n".join(["a,y", *rows]))
    said = bakeoff(root, "run", "table.csv", "--target", "y", "--json")
    try:
        yield root, json.loads(said.stdout)
    finally:
        bakeoff(root, "worker", "--stop")


def of(report: dict[str, Any], model: str) -> dict[str, Any]:
    return next(one for key in ("leaderboard", "failed") for one in report[key] if one["modelId"] == model)


def test_a_candidate_has_the_token_and_the_weights_that_its_entry_names(
    project: tuple[Path, dict[str, Any]],
) -> None:
    assert of(project[1], "pretrained")["metrics"]["recall"] == 1.0


@pytest.mark.parametrize(
    ("model", "hint"),
    [("without_weights", "readable: [~/.cache/weights]"), ("forgetful", "env: [HUB_TOKEN]")],
)
def test_one_that_fails_for_want_of_them_is_told_what_to_write(
    project: tuple[Path, dict[str, Any]], model: str, hint: str
) -> None:
    assert hint in of(project[1], model)["error"]["hint"]


def test_the_folder_with_the_test_labels_cannot_be_opened(project: tuple[Path, dict[str, Any]]) -> None:
    models = json.loads(bakeoff(project[0], "models", "--json").stdout)

    (nosy,) = [one for one in models["rejected"] if one["modelId"] == "nosy"]
    assert "data is part of" in nosy["cause"]


def test_the_value_of_the_token_is_in_no_row_and_no_log(project: tuple[Path, dict[str, Any]]) -> None:
    root, report = project
    assert of(report, "talkative")["error"]["message"] == "refused: ***"
    written = [file for file in root.rglob("*") if file.is_file()]
    assert any(b"logged in with ***" in file.read_bytes() for file in written)
    assert [file for file in written if TOKEN.encode() in file.read_bytes()] == []


def test_a_candidate_whose_finaliser_hangs_has_its_result(project: tuple[Path, dict[str, Any]]) -> None:
    assert of(project[1], "hangs")["metrics"]["recall"] == 1.0
