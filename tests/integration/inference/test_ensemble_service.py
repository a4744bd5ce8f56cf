"""EnsembleService, asking in this process: real plugins from files, a real database."""

import logging
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fixtures.places import ROOT
from sqlalchemy import Engine

from bakeoff.domain.candidate import Candidate, CandidateKind
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.signal import EnsembleRules, ModelOutput, SignalOrder, SignalType
from bakeoff.inference import EnsembleService
from bakeoff.inference.ask_signal_models import InProcessSource, ModelAnswers, ModelInputs
from bakeoff.store.bakeoffs import outbox
from bakeoff.store.signals import ensemble_signals, stored_answers_of_signal_models
from registry.catalog.live_catalog import Catalog, CatalogContents

FRIDAY = date(2026, 11, 20)
PRICES = pd.DataFrame(
    {
        "symbol": ["AAA", "AAA", "BBB"],
        "date": pd.to_datetime(["2026-11-19", "2026-11-23", "2026-11-20"]),
        "close": [1.0, 100.0, 2.0],
    }
)

SAYS = """
from registry.interface import ModelOutput
from registry.interface import ModelPlugin
from registry.interface import SignalType

class Mine(ModelPlugin):
    def __init__(self, data, artefacts, signal="BUY", confidence=0.8, only=None):
        self.signal, self.confidence, self.only = SignalType(signal), confidence, only

    def generate_signals(self, symbols, as_of):
        with open(__file__ + ".asked", "a") as asked:
            asked.write(f"{self.config.model_id} {' '.join(symbols)}\\n")
        return [
            ModelOutput(symbol, self.signal, self.confidence, 0.1)
            for symbol in symbols
            if self.only is None or symbol in self.only
        ]

    def explain(self, symbol):
        return {}
"""
ASYNC = SAYS.replace("def generate_signals", "async def generate_signals")

#: Each spoils something, at another moment.
BAD = {
    "raises": SAYS.replace("return [", "1 / 0\n        return ["),
    "leaves": "raise SystemExit(3)",
    "exits": SAYS.replace("return [", "raise SystemExit(3)\n        return ["),
    "unsure": SAYS.replace("self.confidence, 0.1", "1.5, 0.1"),
    "twice": SAYS.replace("for symbol in symbols\n", "for symbol in [*symbols, *symbols]\n"),
    "slow": SAYS.replace("return [", "import time; time.sleep(3)\n        return ["),
    "missing": "import nowhere_at_all",
    "untrained": SAYS.replace("def __init__", "artefacts = ('momentum',)\n\n    def __init__"),
}


@pytest.fixture
def catalog(tmp_path: Path) -> Callable[..., Catalog]:
    (tmp_path / "plugs").mkdir()

    def catalog(*models: Candidate, rules: EnsembleRules | None = None) -> Catalog:
        made = Catalog(tmp_path / "config" / "models.yaml", root=tmp_path)
        made._contents = CatalogContents.of(models, (), rules or EnsembleRules())
        return made

    return catalog


@pytest.fixture
def model(tmp_path: Path) -> Callable[..., Candidate]:
    def model(id_: str, source: str = SAYS, artefacts: tuple[str, ...] = (), **params: Any) -> Candidate:
        weight = params.pop("weight", None)
        timeout_s = params.pop("timeout_s", None)
        (tmp_path / "plugs" / f"{id_}.py").write_text(source)
        return Candidate(
            id=id_,
            version="1.0",
            kind=CandidateKind.SIGNAL,
            path=f"plugs/{id_}.py:Mine",
            params=params,
            weight=weight,
            timeout_s=timeout_s,
            artefacts=artefacts,
        )

    return model


def asked(tmp_path: Path, model_id: str) -> list[str]:
    file = tmp_path / "plugs" / f"{model_id}.py.asked"
    return file.read_text().splitlines() if file.exists() else []


def test_every_model_is_asked_and_the_ensemble_is_kept_and_told(catalog, model, engine: Engine) -> None:
    service = EnsembleService(
        catalog(model("a", weight=0.6), model("b", ASYNC, weight=0.4, confidence=0.7)), engine=engine
    )

    found = service.generate_ensemble_signals(["BBB", "AAA", "AAA"], FRIDAY)

    assert [(one.symbol, one.signal, one.ensemble_score, one.rank) for one in found] == [
        ("AAA", "BUY", 0.76, 1),
        ("BBB", "BUY", 0.76, 2),
    ]
    kept = ensemble_signals.get(engine, "AAA", FRIDAY)
    assert kept is not None
    assert (kept.signal, kept.run_id) == (found[0], None)
    [told] = [pending.event for pending in outbox.pending(engine, limit=10)]
    assert (told.type, told.payload["symbols"], told.payload["failed"]) == ("SIGNAL_GENERATED", 2, [])


def test_what_is_not_to_be_kept_leaves_nothing_behind(catalog, model, engine: Engine) -> None:
    service = EnsembleService(catalog(model("a"), model("b")), engine=engine)

    assert len(service.generate_ensemble_signals(["AAA"], FRIDAY, persist=False)) == 1
    assert ensemble_signals.latest_date(engine) is None
    assert outbox.pending(engine, limit=10) == []


@pytest.mark.parametrize("bad", BAD)
def test_one_that_fails_or_is_slow_spoils_no_other(
    catalog, model, caplog: pytest.LogCaptureFixture, tmp_path: Path, bad: str
) -> None:
    needs = ("momentum",) if bad == "untrained" else ()
    limit_s = 0.5 if bad == "slow" else 9.0
    service = EnsembleService(
        catalog(
            model("a"), model(bad, BAD[bad], artefacts=needs, timeout_s=limit_s), model("b", confidence=0.6)
        ),
    )
    began = time.monotonic()

    with caplog.at_level(logging.WARNING, "bakeoff.inference.ask_signal_models"):
        [found] = service.generate_ensemble_signals(["AAA"], FRIDAY, persist=False)

    assert found.models_contributing == ("a", "b")
    assert found.ensemble_score == 0.7
    assert time.monotonic() - began < 10
    [said] = caplog.messages
    why = {
        "raises": "ZeroDivisionError: division by zero",
        "leaves": "plugs/leaves.py ended the process with exit code 3 at import: remove the call of sys.exit",
        "exits": "SystemExit: 3",
        "unsure": "BadSignalsError: the confidence for AAA is 1.5",
        "twice": "BadSignalsError: generate_signals returned two signals for AAA",
        "slow": "it took longer than 0.5 s",
        "missing": "plugs/missing.py needs the module 'nowhere_at_all', which is not there",
        "untrained": "untrained works with momentum: give it as `artefacts={'momentum': ...}`",
    }[bad]
    assert said.startswith(f"signal model {bad} has not answered: {why}")


def test_fewer_than_two_that_answer_are_no_ensemble(catalog, model, engine: Engine) -> None:
    service = EnsembleService(catalog(model("a"), model("raises", BAD["raises"])), engine=engine)

    assert service.generate_ensemble_signals(["AAA"], FRIDAY) == ()
    assert service.get_ensemble_signal("AAA", FRIDAY) is None
    assert outbox.pending(engine, limit=10) == []


def test_a_signal_is_read_where_it_is_kept_and_generated_where_it_is_not(
    catalog, model, engine: Engine, tmp_path: Path
) -> None:
    service = EnsembleService(catalog(model("a"), model("b")), engine=engine)

    first = service.get_ensemble_signal("AAA", FRIDAY)
    again = service.get_ensemble_signal("AAA", FRIDAY)

    assert first is not None
    assert again == first
    assert asked(tmp_path, "a") == ["a AAA"]


def test_without_a_database_signals_are_generated_each_time(catalog, model, tmp_path: Path) -> None:
    service = EnsembleService(catalog(model("a"), model("b")))

    assert service.get_ensemble_signal("AAA", FRIDAY) == service.get_ensemble_signal("AAA", FRIDAY)
    assert asked(tmp_path, "a") == ["a AAA", "a AAA"]
    with pytest.raises(InvalidInputError, match="there is no database to keep the ensemble in: give"):
        service.generate_ensemble_signals(["AAA"], FRIDAY)


def test_models_see_what_was_known_as_of_the_date_and_no_change_of_each_other(catalog, model) -> None:
    looks = SAYS.replace(
        "self.signal, self.confidence, self.only",
        "assert data['prices']['close'].tolist() == [1.0, 2.0]\n"
        "        assert data['fundamentals']['eps'].tolist() == [5.0]\n"
        "        data['prices'].loc[:, 'close'] = 0.0\n"
        "        self.signal, self.confidence, self.only",
    )
    fundamentals = pd.DataFrame(
        {"symbol": ["AAA", "AAA"], "known_on": ["2026-11-20", "2026-11-21"], "eps": [5.0, 6.0]}
    )
    service = EnsembleService(
        catalog(model("a", looks), model("b", looks)), {"prices": PRICES, "fundamentals": fundamentals}
    )

    [found] = service.generate_ensemble_signals(["AAA"], FRIDAY, persist=False)

    assert found.models_contributing == ("a", "b")
    assert PRICES["close"].tolist() == [1.0, 100.0, 2.0]


def test_models_are_given_the_fitted_models_that_they_name_and_no_others(catalog, model) -> None:
    works = SAYS.replace(
        "self.signal, self.confidence, self.only",
        "assert artefacts == {'trend': 7}\n        self.signal, self.confidence, self.only",
    )
    service = EnsembleService(
        catalog(model("a", works, artefacts=("trend",)), model("b")), artefacts={"trend": 7, "other": 8}
    )

    assert len(service.generate_ensemble_signals(["AAA"], FRIDAY, persist=False)) == 1


def test_the_rules_and_weights_are_those_of_the_catalog(catalog, model) -> None:
    rules = EnsembleRules(min_agreement=0.75)
    service = EnsembleService(
        catalog(model("a", weight=0.7), model("b", signal="HOLD", weight=0.3), rules=rules)
    )

    [found] = service.generate_ensemble_signals(["AAA"], FRIDAY, persist=False)

    assert found.signal == "HOLD"


def test_a_catalog_without_signal_models_or_with_weights_of_nothing_is_refused(catalog, model) -> None:
    none = EnsembleService(catalog())
    weightless = EnsembleService(catalog(model("a", weight=0), model("b", weight=0)))

    with pytest.raises(InvalidInputError, match="no signal model is enabled: add one to "):
        none.generate_ensemble_signals(["AAA"], FRIDAY, persist=False)
    with pytest.raises(InvalidInputError, match="the weights of a, b are all 0"):
        weightless.generate_ensemble_signals(["AAA"], FRIDAY, persist=False)


def test_what_is_known_under_the_fingerprint_is_not_asked_for_again(
    catalog, model, engine: Engine, tmp_path: Path
) -> None:
    under = {"a": "one", "b": "two"}

    def inputs(candidate: Candidate, _: date) -> ModelInputs:
        return ModelInputs(data={}, fingerprint=under[candidate.id])

    made = catalog(model("a"), model("b"))
    service = EnsembleService(
        made, source=InProcessSource(inputs=inputs, root=tmp_path, engine=engine), engine=engine
    )

    service.generate_ensemble_signals(["AAA"], FRIDAY)
    both = service.generate_ensemble_signals(["AAA", "BBB"], FRIDAY)
    under["a"] = "another"
    service.generate_ensemble_signals(["BBB"], FRIDAY)

    assert [one.symbol for one in both] == ["AAA", "BBB"]
    assert asked(tmp_path, "a") == ["a AAA", "a BBB", "a BBB"]
    assert asked(tmp_path, "b") == ["b AAA", "b BBB"]
    known = stored_answers_of_signal_models.known_answers(
        engine, model_id="a", fingerprint="one", as_of=FRIDAY, symbols=["AAA", "BBB"]
    )
    assert {symbol: answer.rank for symbol, answer in known.items()} == {"AAA": 1, "BBB": 2}


def test_whoever_is_passed_to_ask_may_keep_the_ensemble_itself(catalog, model, engine: Engine) -> None:
    orders = []

    def elsewhere(order: SignalOrder, models: Any) -> ModelAnswers:
        orders.append((order.symbols, order.persist, list(models)))
        said = ModelOutput("AAA", SignalType.BUY, 0.8, 0.1)
        return ModelAnswers(answers={"a": (said,), "b": (said,)}, is_stored=True)

    service = EnsembleService(catalog(model("a"), model("b")), source=elsewhere, engine=engine)

    [found] = service.generate_ensemble_signals(["AAA"], FRIDAY)

    assert (found.signal, found.ensemble_score) == ("BUY", 0.8)
    assert orders == [(("AAA",), True, ["a", "b"])]
    assert ensemble_signals.latest_date(engine) is None


def test_the_name_is_there_and_loads_nothing_heavy() -> None:
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from bakeoff.inference import EnsembleService; print(*sys.modules)",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert {"sqlalchemy", "numpy", "pandas", "sklearn", "joblib", "celery"} & set(
        said.stdout.split()
    ) == set()
