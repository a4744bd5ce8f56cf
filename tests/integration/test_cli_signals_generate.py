"""`bakeoff signals generate`, `train` and `explain`, as far as they need no worker."""

import json
import shutil

import pytest
from fixtures.command_line import Project
from fixtures.signals import GALLERY

from registry import ModelRegistry

CONFIGURATION = "evalWorkers: 2\nmarket: {prices: {source: csv, path: prices.csv}}\n"
CATALOG = """
models:
  optimist: {kind: signal, path: "plugins/signals.py:Says", weight: 0.6}
  pessimist:
    {kind: signal, path: "plugins/signals.py:Says", weight: 0.4, params: {says: SELL, confidence: 0.6}}
"""
LEARNED = """
models:
  learned: {kind: signal, path: "plugins/signals.py:Learned", version: v3}
"""
PRICES = "symbol,date,close,volume\n" + "".join(
    f"{symbol},2025-01-{day:02},{10 + day},1000\n" for symbol in ("AAA", "BBB") for day in range(1, 31)
)


@pytest.fixture
def market(project: Project) -> Project:
    (project.root / "config" / "bakeoff.yaml").write_text(CONFIGURATION)
    (project.root / "config" / "models.yaml").write_text(CATALOG)
    (project.root / "plugins").mkdir()
    shutil.copy(GALLERY, project.root / "plugins" / "signals.py")
    (project.root / "prices.csv").write_text(PRICES)
    return project


def registry_of(project: Project) -> ModelRegistry:
    return ModelRegistry(project.root / "data" / "models" / "registry")


def test_in_process_it_shows_the_ensemble_with_its_conflicts_and_keeps_nothing(market: Project) -> None:
    said = market.bakeoff("signals", "generate", "--in-process", "--models", "optimist,pessimist")

    assert said.exit_code == 0
    lines = said.stdout.splitlines()
    assert "data       market  as of 2025-01-30, 2 symbols" in lines
    assert "asks       optimist 0.6, pessimist 0.4" in lines
    assert lines[-5:] == [
        "2025-01-30  2 symbols: 2 HOLD; 2 conflicts",
        "",
        "rank  symbol  signal  score  optimist  pessimist  conflict",
        "   1  AAA     HOLD    0.660  BUY 0.70  SELL 0.60  optimist=BUY, pessimist=SELL",
        "   2  BBB     HOLD    0.660  BUY 0.70  SELL 0.60  optimist=BUY, pessimist=SELL",
    ]
    assert "no runs yet" in market.bakeoff("runs").stdout
    assert "no signals yet" in market.bakeoff("signals", "show").stdout


def test_in_process_as_json_it_is_a_list_of_records(market: Project) -> None:
    said = market.bakeoff("signals", "generate", "AAA", "--as-of", "2025-01-05", "--in-process", "--json")

    [signal] = json.loads(said.stdout)["signals"]
    assert (signal["symbol"], signal["asOf"], signal["conflict"]) == ("AAA", "2025-01-05", True)
    assert "asked for AAA as of 2025-01-05" in said.stderr


def test_what_cannot_be_done_is_said_in_a_line_and_ends_with_2(market: Project) -> None:
    answers = [
        market.bakeoff("signals", "generate", "AAC", "--in-process"),
        market.bakeoff("signals", "generate", "--in-process", "--detach"),
        market.bakeoff("signals", "explain", "optimist", "AAC"),
    ]

    assert [answer.exit_code for answer in answers] == [2, 2, 2]
    assert "there are no prices of 'AAC' by 2025-01-30; did you mean 'AAA'?" in answers[0].stderr
    assert "--detach can do nothing with --in-process" in answers[1].stderr
    assert "there are no prices of 'AAC'" in answers[2].stderr


def test_what_a_model_learns_is_saved_as_a_pair_with_what_is_known_of_it(market: Project) -> None:
    (market.root / "config" / "models.yaml").write_text(LEARNED)
    said = market.bakeoff("signals", "train", "learned", "--as-of", "2025-01-20")

    assert said.exit_code == 0
    assert "learned v3 has learned as of 2025-01-20, from 2 features" in said.stdout
    level, slope = (registry_of(market).load(f"learned_{name}/1.0.0") for name in ("level", "slope"))
    assert (level.model, slope.model) == ({"level": 0.2}, {"slope": 0})
    version = level.version
    assert version.metrics == {"auc": 0.75, "lost": None}
    assert version.tags == {"model": "learned", "catalogVersion": "v3"}
    assert version.feature_names == ("close", "volume")
    assert version.metadata["asOf"] == "2025-01-20"
    assert version.metadata["folds"] == [{"fold": 1, "auc": 0.75}]
    assert version.metadata["training"] == slope.version.metadata["training"]
    assert version.origin.dataset_id is not None
    assert len(version.origin.dataset_id) == 32

    explained = market.bakeoff("signals", "explain", "learned", "AAA", "--as-of", "2025-01-10")
    assert explained.exit_code == 0
    assert explained.stdout.splitlines()[1:] == [
        "learned on AAA as of 2025-01-10  models:/learned_level/1.0.0, models:/learned_slope/1.0.0",
        "",
        "feature  importance  SHAP value",
        "close             1        0.25",
    ]


def test_a_model_that_cannot_be_trained_ends_with_3(market: Project) -> None:
    (market.root / "config" / "models.yaml").write_text(LEARNED.replace("Learned", "LearnsNothing"))
    answer = market.bakeoff("signals", "train", "learned")

    assert answer.exit_code == 3
    assert "learned failed in fit: ValueError: too few days" in answer.stderr
    assert registry_of(market).versions() == []
