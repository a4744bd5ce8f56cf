"""The entries of the cells in which a candidate is checked.

check            runs nearly all checks, and leaves the pickled model
check_again      loads it: in another process, without the files and variables of the first
measure_memory   fits it to some number of rows, in a process whose memory nothing else has raised
"""

import pickle
import resource
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from bakeoff.cell.inside.cell_api import CellApi, EntryFailure
from bakeoff.domain.candidate import Candidate, Learns
from bakeoff.evaluation.conformance.checked_candidate import (
    Answers,
    CheckedCandidate,
    FittedCandidate,
    require_same,
    seed_globals,
)
from bakeoff.evaluation.conformance.conformance_check_runner import Check, CheckFailedError, run_checks
from bakeoff.evaluation.conformance.fit_checks import FIT_CHECKS, REFIT_CHECKS
from bakeoff.evaluation.conformance.fit_checks import leak_free as _leak_free
from bakeoff.evaluation.conformance.network_pickle_thread_clock_checks import (
    ISOLATION_CHECKS,
    NETWORK_CHECK,
    watch_network,
)
from bakeoff.evaluation.conformance.predict_checks import ANSWER_CHECKS, LAST_CHECKS, PREDICT_CHECKS
from bakeoff.settings import log_setup
from registry.code.class_import import describe_exception

MODEL = "model"
_SEED = 0
_WARMING_ROWS = 40

CHECKS = (
    *FIT_CHECKS,
    *ANSWER_CHECKS,
    *REFIT_CHECKS,
    *PREDICT_CHECKS,
    *ISOLATION_CHECKS,
    *LAST_CHECKS,
    Check(slug="leak-free", test=_leak_free, needs=("shape",)),
    NETWORK_CHECK,
)


def check(payload: Mapping[str, Any], inside: CellApi) -> dict[str, Any]:
    """The results, and what the candidate learns. `leftOut`: checks that ended an earlier cell, and how."""
    case = _case(payload)
    watch_network(case)
    if payload["candidate"].get("learns") is None:
        case.learns = _what_it_learns(case)
    results = run_checks(
        CHECKS,
        case,
        inside,
        left_out=payload["leftOut"],
        deadline=monotonic() + payload["seconds"],
        before=lambda: seed_globals(_SEED),
    )
    with inside.output(MODEL) as file:
        if case.base_answers is not None and _passed(results, "pickles"):
            pickle.dump((case.base.model, _as_lists(case.base_answers)), file)
    fit_s = case.base.seconds if case.fitted_on_base is not None else None
    return {"results": results, "learns": str(case.learns), "fitSeconds": fit_s}


def check_again(payload: Mapping[str, Any], inside: CellApi) -> None:
    """Raises if the pickled model answers something else here than where it was fitted."""
    case = _case(payload)
    case.constructed()  # imports its module, as whoever loads a saved model does
    inside.phase("self-contained")
    cure = "keep in self all that predict uses: no files, environment variables or working folder"
    try:
        with Path(payload["model"]).open("rb") as file:
            model, answers = pickle.load(file)  # noqa: S301 - in a cell, like all code of plugins
        found = case.ask(FittedCandidate(own=model, model=model, seconds=0.0), case.data.X_test)
        expected = Answers(
            predictions=np.asarray(answers["predictions"]),
            probabilities=None if answers["probabilities"] is None else np.asarray(answers["probabilities"]),
        )
        require_same(found, expected, when="in another process", cure=cure)
    except CheckFailedError as exc:
        raise EntryFailure(type="CheckFailed", message=exc.seen, hint=exc.cure) from exc
    except Exception as exc:
        seen = f"in another process it raised {describe_exception(exc)}"
        raise EntryFailure(type="CheckFailed", message=seen, hint=cure) from exc


def measure_memory(payload: Mapping[str, Any], inside: CellApi) -> float:
    """By how many MB fitting and predicting raise the memory of this process."""
    case = _case(payload)
    inside.phase("memory-linear")
    few, data = case.made(_WARMING_ROWS, seed=9), case.made(payload["rows"], seed=9)
    case.predict(case.fit(few.X, few.y), few.X_test)  # loads what it imports
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    case.predict(case.fit(data.X, data.y), data.X_test)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def _case(payload: Mapping[str, Any]) -> CheckedCandidate:
    candidate = Candidate.from_json(payload["candidate"])
    log_setup.set_ids(modelId=candidate.id)
    case = CheckedCandidate(
        candidate=candidate,
        root=Path(payload["root"]),
        threads=payload["threads"],
        learns=candidate.learns or Learns.CLASSES,
    )
    _heed_tags(case)
    return case


def _heed_tags(case: CheckedCandidate) -> None:
    """An estimator of scikit-learn may say that it takes positive numbers alone."""
    try:
        tags = case.constructed().__sklearn_tags__()
        case.positive_input = bool(tags.input_tags.positive_only)
        case.positive_target = bool(tags.target_tags.positive_only)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a plugin raises anything, and most have no tags; `loads` reports errors
        return


def _what_it_learns(case: CheckedCandidate) -> Learns:
    """Classes, unless it says that it is a regressor, or its fit takes numbers alone."""
    with suppress(Exception):  # a plugin raises anything; the check `loads` reports it
        model = case.constructed()
        if hasattr(model, "__sklearn_tags__"):
            from sklearn.base import is_regressor

            return Learns.NUMBERS if is_regressor(model) else Learns.CLASSES
    return next((learns for learns in Learns if _can_learn(case, learns)), Learns.CLASSES)


def _can_learn(case: CheckedCandidate, learns: Learns) -> bool:
    trial = replace(case, learns=learns)
    try:
        trial.fit(trial.data.X, trial.data.y)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a plugin raises anything; the check `learns` reports it
        return False
    return True


def _passed(results: list[dict[str, Any]], slug: str) -> bool:
    return any(one["slug"] == slug and one["outcome"] == "passed" for one in results)


def _as_lists(answers: Answers) -> dict[str, Any]:
    beside = answers.probabilities
    return {
        "predictions": answers.predictions.tolist(),
        "probabilities": None if beside is None else beside.tolist(),
    }
