"""In the cell: checks of how a candidate is constructed and fitted."""

import inspect
import random
import time
from typing import Any

import numpy as np

from bakeoff.evaluation.conformance.checked_candidate import (
    SEED,
    CheckedCandidate,
    require_same,
    seed_globals,
)
from bakeoff.evaluation.conformance.conformance_check_runner import (
    Check,
    CheckFailedError,
    NotApplicableError,
)

_LIGHT_S = 0.15
_OTHER_SEED = 12_345
_LEAK = 0.3  #: of 0.5: by chance hardly one model in a thousand knows so much
_SHUFFLED_FITS = 4


def loads(case: CheckedCandidate) -> None:
    case.constructed()


def constructor_light(case: CheckedCandidate) -> str:
    taken = []
    for _ in range(2):  # the first one may still import something
        began = time.perf_counter()
        case.constructed()
        taken.append(time.perf_counter() - began)
    if min(taken) > _LIGHT_S:
        raise CheckFailedError(
            f"it took {min(taken):.2f} s to be constructed", "keep parameters in __init__, and work in fit"
        )
    return f"{min(taken) * 1000:.1f} ms"


def params_round_trip(case: CheckedCandidate) -> None:
    model = case.constructed()
    if not (hasattr(model, "get_params") and hasattr(model, "set_params")):
        raise NotApplicableError("it has no get_params and set_params")
    from sklearn.base import clone

    cure = "in __init__, keep each parameter unchanged in an attribute of its name"
    try:
        copy = clone(model)
    except (RuntimeError, TypeError, AttributeError) as exc:
        raise CheckFailedError(f"it cannot be cloned: {exc}", cure) from exc
    given, again = (_plain(one.get_params(deep=False)) for one in (model, copy))
    differ = sorted(name for name in given | again if given.get(name) != again.get(name))
    if differ:
        raise CheckFailedError(
            f"the copy has {differ[0]} {again.get(differ[0])} instead of {given.get(differ[0])}", cure
        )


def _plain(params: dict[str, Any]) -> dict[str, str]:
    return {name: repr(value) for name, value in params.items()}


def learns(case: CheckedCandidate) -> str:
    try:
        case.fitted_on_base = case.fit(case.data.X, case.data.y)
    except KeyError as exc:
        raise CheckFailedError(
            f"its fit misses the column {exc}",
            "name the columns that it needs under `features` of its catalog entry, or take all that come",
        ) from exc
    return f"{len(case.data.X)} rows in {case.base.seconds * 1000:.0f} ms"


def deterministic(case: CheckedCandidate) -> None:
    again = case.ask(case.fit(case.data.X, case.data.y), case.data.X_test)
    require_same(
        again,
        case.answers,
        when="after a second fit with the same seed",
        cure="take a parameter random_state, and give it to everything that is random",
    )


def honours_random_state(case: CheckedCandidate) -> None:
    model = case.constructed()
    if "random_state" not in inspect.signature(type(model)).parameters:
        raise NotApplicableError("it has no parameter random_state")
    again = case.fit(case.data.X, case.data.y, global_seed=_OTHER_SEED)
    require_same(
        case.ask(again, case.data.X_test),
        case.answers,
        when="with the same random_state and another global seed",
        cure="draw from np.random.RandomState(self.random_state), and not from np.random",
    )


def no_global_random(case: CheckedCandidate) -> None:
    seed_globals(SEED)
    before = _random_state()
    own = case.constructed()
    seen = {"its constructor": before != _random_state()}
    del own
    fitted = case.fit(case.data.X, case.data.y)
    # `fit` seeds the generators, so a fit that uses none leaves them as they were.
    seen["fit"] = before != _random_state()
    seed_globals(SEED)
    case.predict(fitted, case.data.X_test)
    seen["predict"] = before != _random_state()
    used = [where for where, is_used in seen.items() if is_used]
    if used:
        raise CheckFailedError(
            f"{' and '.join(used)} drew from the global random generator",
            "draw from a generator of its own, such as np.random.RandomState(self.random_state)",
        )


def _random_state() -> tuple[bytes, int, int]:
    _, keys, place, *_ = np.random.get_state()  # noqa: NPY002 - it is about the old global generator
    return np.asarray(keys).tobytes(), int(place), hash(random.getstate())


def refit_clean(case: CheckedCandidate) -> None:
    other = case.made(len(case.data.X), seed=2)
    flipped = other.y.max() + other.y.min() - other.y
    fitted = case.fit(other.X, flipped)
    seed_globals(SEED)
    fitted.model.fit(case.data.X.copy(), case.data.y.copy())
    require_same(
        case.ask(fitted, case.data.X_test),
        case.answers,
        when="when it was fitted to other data before",
        cure="let fit begin anew: set in it whatever predict uses",
    )


def input_untouched(case: CheckedCandidate) -> None:
    X, X_test = case.data.X.copy(), case.data.X_test.copy()
    model = case.constructed()
    model.fit(X, case.data.y.copy())
    _require_unchanged(X, case.data.X, "fit")
    model.predict(X_test)
    _require_unchanged(X_test, case.data.X_test, "predict")


def _require_unchanged(frame: Any, before: Any, method: str) -> None:
    if frame.equals(before):
        return
    changed = [
        str(name) for name in before.columns if name not in frame or not frame[name].equals(before[name])
    ]
    added = [str(name) for name in frame.columns if name not in before]
    what = f"changed {', '.join(changed[:3])}" if changed else f"added {', '.join(added[:3]) or 'rows'}"
    raise CheckFailedError(f"{method} {what} in the frame that it was given", "work on X.copy()")


def target_untouched(case: CheckedCandidate) -> None:
    y = case.data.y.copy()
    case.constructed().fit(case.data.X.copy(), y)
    differ = int((y != case.data.y).sum())
    if differ:
        raise CheckFailedError(f"fit changed {differ} of {len(y)} labels", "work on y.copy()")


def index_ignored(case: CheckedCandidate) -> None:
    X, X_test = case.data.X.copy(), case.data.X_test.copy()
    X.index = np.random.RandomState(3).permutation(len(X)) + 7
    X_test.index = np.random.RandomState(4).permutation(len(X_test))
    require_same(
        case.ask(case.fit(X, case.data.y), X_test),
        case.answers,
        when="with another index",
        cure="go by position: X.to_numpy(), X.iloc[...] or X.reset_index(drop=True)",
    )


def leak_free(case: CheckedCandidate) -> str:
    """A model learns rows with their labels; others that learned from shuffled labels are asked for these."""
    known = case.made(len(case.data.X), seed=5)
    case.fit(known.X, known.y)
    rs = np.random.RandomState(6)
    scores = []
    for _ in range(_SHUFFLED_FITS):
        fitted = case.fit(case.data.X, rs.permutation(case.data.y))
        scores.append(case.score(case.predict(fitted, known.X), known.y))
    mean = float(np.mean(scores))
    if min(scores) > 0 and mean >= _LEAK:
        raise CheckFailedError(
            f"fitted to shuffled labels, it is {mean:.2f} above chance on rows that another model learned",
            "keep what is learned in self: no class attributes, module variables or files",
        )
    return f"fitted to shuffled labels, it is {mean:+.2f} from chance"


FIT_CHECKS = (
    Check(slug="loads", test=loads),
    Check(slug="constructor-light", test=constructor_light, needs=("loads",)),
    Check(slug="params-round-trip", test=params_round_trip, needs=("loads",)),
    Check(slug="learns", test=learns, needs=("loads",)),
)

REFIT_CHECKS = (
    Check(slug="deterministic", test=deterministic, needs=("shape", "predict-repeatable")),
    Check(slug="honours-random-state", test=honours_random_state, needs=("deterministic",)),
    Check(slug="no-global-random", test=no_global_random, needs=("shape",)),
    Check(slug="refit-clean", test=refit_clean, needs=("deterministic",)),
    Check(slug="input-untouched", test=input_untouched, needs=("shape",)),
    Check(slug="target-untouched", test=target_untouched, needs=("shape",)),
    Check(slug="index-ignored", test=index_ignored, needs=("deterministic",)),
)
