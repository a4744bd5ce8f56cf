"""`bakeoff signals generate`, `train` and `explain`, as far as they need no worker."""

import json
import shutil
from dataclasses import replace
from datetime import date

import pytest
from fixtures.projects.command_line import Project
from fixtures.projects.signals import GALLERY
from fixtures.values.samples import DATASET, a_job, a_result, a_run
from fixtures.values.stored import an_error, claim

from bakeoff.domain.runs.job import JobKind, Phase
from bakeoff.domain.runs.run import Run
from bakeoff.domain.signal import EnsembleRules, ModelOutput, SignalJobInputs, SignalOrder, SignalType
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.operations.signals.start_signals import COUNTED
from bakeoff.store.bakeoffs import leased_jobs, run_rows
from bakeoff.store.signals import stored_answers_of_signal_models
from registry import ModelRegistry

MARKET = replace(DATASET, name="market", target="signal", target_kind=TargetKind.SIGNALS, classes=())

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
        "rank  symbol  signal  score  return  optimist  pessimist  conflict",
        "   1  AAA     HOLD    0.660   +5.0%  BUY 0.70  SELL 0.60  optimist=BUY, pessimist=SELL",
        "   2  BBB     HOLD    0.660   +5.0%  BUY 0.70  SELL 0.60  optimist=BUY, pessimist=SELL",
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
    assert "--detach has no effect with --in-process" in answers[1].stderr
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

    explained = market.bakeoff("signals", "explain", "learned", "AAA", "--as-of", "2025-01-20")
    assert explained.exit_code == 0
    assert explained.stdout.splitlines()[1:] == [
        "learned on AAA as of 2025-01-20  models:/learned_level/1.0.0, models:/learned_slope/1.0.0",
        "",
        "feature  importance  SHAP value",
        "close             1        0.25",
    ]

    back_then = ("--as-of", "2025-01-10", "--models", "learned", "--in-process")
    none = market.bakeoff("signals", "generate", *back_then)
    assert none.exit_code == 2
    assert (
        "each saved version of learned learned from what came after 2025-01-10 (1.0.0 learned as of "
        "2025-01-20): `bakeoff signals train learned --as-of 2025-01-10` trains and saves them"
    ) in none.stderr

    pinned = LEARNED.replace("version: v3", "version: v3, params: {artefact_version: 1.0.0}")
    (market.root / "config" / "models.yaml").write_text(pinned)
    told = " ".join(market.bakeoff("signals", "generate", *back_then).stdout.split())
    assert "uses learned_level 1.0.0, learned_slope 1.0.0, learned as of 2025-01-20" in told
    assert "learned learned as of 2025-01-20, so it knows what came after 2025-01-10" in told


def test_where_the_catalog_names_a_version_it_is_not_said_that_training_helps(market: Project) -> None:
    pinned = LEARNED.replace("version: v3", "version: v3, params: {artefact_version: 7.0.0}")
    (market.root / "config" / "models.yaml").write_text(pinned)

    trained = market.bakeoff("signals", "train", "learned").stdout
    explained = market.bakeoff("signals", "explain", "learned", "AAA").stderr

    assert "from now on" not in trained
    assert "`bakeoff signals generate` uses 7.0.0, the `artefact_version` of the catalog" in trained
    assert explained.endswith(
        "name a version that is there in its entry of the catalog, or take `artefact_version: 7.0.0` out of "
        "it\n"
    )


def test_a_model_that_cannot_be_trained_ends_with_3(market: Project) -> None:
    (market.root / "config" / "models.yaml").write_text(LEARNED.replace("Learned", "LearnsNothing"))
    answer = market.bakeoff("signals", "train", "learned")

    assert answer.exit_code == 3
    assert "learned failed in fit: ValueError: too few days" in answer.stderr
    assert registry_of(market).versions() == []


def test_the_doctor_says_who_was_never_trained_and_which_file_is_missing(market: Project) -> None:
    (market.root / "config" / "models.yaml").write_text(LEARNED)
    (market.root / "prices.csv").unlink()
    found = json.loads(market.bakeoff("doctor", "--json").stdout)

    told = {(one["subject"], one["level"]): (one["message"], one["cure"]) for one in found}
    message, cure = told["catalog", "warn"]
    assert message.startswith("learned works with saved models of one training, and there are none (")
    assert cure == "`bakeoff signals train learned` trains and saves them"
    assert "prices.csv" in told["market", "fail"][0]


@pytest.fixture
def run(project: Project) -> Run:
    """Two models have answered, and one has failed."""
    order = SignalOrder(
        symbols=("AAA", "BBB"),
        as_of=date(2026, 11, 20),
        weights={"m0": 0.6, "m1": 0.4, "m2": 1.0},
        rules=EnsembleRules(),
    )
    run = a_run(name="friday", signals=order, rules=COUNTED, dataset=MARKET)
    asked = [
        a_job(run, place, kind=JobKind.SIGNALS, signal_inputs=SignalJobInputs(fingerprint=f"under-{place}"))
        for place in range(3)
    ]
    assert run_rows.create(project.engine, run, asked)
    for job, signal in zip(asked, (SignalType.BUY, SignalType.SELL), strict=False):
        said = [ModelOutput(symbol, signal, 0.7, 0.1, rank=1) for symbol in order.symbols]
        assert job.signal_inputs is not None
        result = a_result(job, metrics={"signals": 2, "known": 1})
        also_write = stored_answers_of_signal_models.write_at_end(
            result, said, as_of=order.as_of, signal_inputs=job.signal_inputs
        )
        lease = claim(project.engine, job).lease
        assert leased_jobs.complete(project.engine, lease, result, also_write=also_write)
    assert leased_jobs.fail(project.engine, claim(project.engine, asked[2]).lease, an_error(phase=Phase.ASK))
    return run


def test_what_came_of_a_run_of_signals_is_shown_in_place_of_a_leaderboard(project: Project, run: Run) -> None:
    lines = project.bakeoff("show", "friday").stdout.splitlines()

    assert lines[:4] == [
        f"run        friday  {run.id}",
        "data       market  as of 2026-11-20, 2 symbols",
        "asks       m0 0.6, m1 0.4, m2 1",
        "combines   weighted_majority  agreement from 0.5, confidence from 0.6",
    ]
    assert lines[4].startswith("state      ◐ partial  2 completed, 1 failed")
    assert lines[6:9] == [
        "model  version  signals  known before   time  CPU s  memory MB",
        "m0     1.0            2             1  1.5 s   1.25         80",
        "m1     1.0            2             1  1.5 s   1.25         80",
    ]
    assert lines[9:18] == [
        "m0: it is only a test",
        "m1: it is only a test",
        "",
        "2026-11-20  2 symbols: 2 HOLD; 2 conflicts",
        "",
        "rank  symbol  signal  score  return  m0        m1         conflict",
        "   1  AAA     HOLD    0.700  +10.0%  BUY 0.70  SELL 0.70  m0=BUY, m1=SELL",
        "   2  BBB     HOLD    0.700  +10.0%  BUY 0.70  SELL 0.70  m0=BUY, m1=SELL",
        "",
    ]
    assert lines[18] == "1 signal model without signals"
    [listed] = [line for line in project.bakeoff("runs").stdout.splitlines() if "friday" in line]
    assert "market as of 2026-11-20" in listed


def test_other_programs_read_models_failures_and_signals(project: Project, run: Run) -> None:
    said = json.loads(project.bakeoff("show", "friday", "--json").stdout)

    assert said.keys() == {"run", "models", "failed", "signals"}
    assert (said["run"]["runId"], said["run"]["kind"]) == (run.id, "signals")
    assert [one["modelId"] for one in said["models"]] == ["m0", "m1"]
    assert [one["modelId"] for one in said["failed"]] == ["m2"]
    assert [(one["symbol"], one["conflictReason"]) for one in said["signals"]] == [
        ("AAA", "m0=BUY, m1=SELL"),
        ("BBB", "m0=BUY, m1=SELL"),
    ]
    text = project.bakeoff("show", "friday", "--format", "md").stdout
    assert "Signals of 2 symbols as of 2026-11-20; run" in text
    assert "| 1 | m0 | 1.0 | 2 | 1 |" in text


def test_events_of_signals_are_told_in_words(project: Project, run: Run) -> None:
    lines = project.bakeoff("events", "friday").stdout.splitlines()

    assert lines[1].endswith("evaluation.completed  m0 1.0  signals 2, known 1")
    assert lines[-2].endswith("SIGNAL_GENERATED      as of 2026-11-20  2 HOLD  2 in conflict")
    assert lines[-1].endswith("run.completed         partial  2 completed, 1 failed")
