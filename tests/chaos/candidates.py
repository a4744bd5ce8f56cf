"""The candidates of a run under fire, and how each must end whatever happens around it."""

from collections.abc import Mapping
from typing import Any

MAX_ATTEMPTS = 30

_PLUGIN = "plugins/chaos_gallery.py"


def _sklearn(path: str, **params: Any) -> dict[str, Any]:
    return {"path": f"sklearn.{path}", "params": params}


def _naps(seconds: float) -> dict[str, Any]:
    return {"path": f"{_PLUGIN}:Naps", "params": {"seconds": seconds}}


def _poison(name: str) -> dict[str, Any]:
    return {"path": f"{_PLUGIN}:{name}"}


#: How the names of those begin that run for longer than a lease: who is frozen meanwhile becomes a ghost.
SLOW = "slow"

#: As they stand in the catalog, in the order in which they start.
CANDIDATES: Mapping[str, Mapping[str, Any]] = {
    **{f"nap-{n}": _naps(0.05 * n) for n in (3, 10, 7)},
    f"{SLOW}-1": _naps(4.0),
    "kills-itself": _poison("KillsItself"),
    **{f"tree-{n}": _sklearn("tree:DecisionTreeClassifier", max_depth=n) for n in range(1, 9)},
    "raises": _poison("Raises"),
    **{f"nap-{n}": _naps(0.05 * n) for n in (1, 6, 9)},
    **{f"logistic-{n}": _sklearn("linear_model:LogisticRegression", C=0.1 * n) for n in range(1, 7)},
    f"{SLOW}-2": _naps(4.1),
    "exits": _poison("Exits"),
    **{f"neighbours-{n}": _sklearn("neighbors:KNeighborsClassifier", n_neighbors=n) for n in range(1, 7)},
    "crashes": _poison("Crashes"),
    **{f"nap-{n}": _naps(0.05 * n) for n in (2, 4, 8)},
    "leaves": _poison("Leaves"),
    f"{SLOW}-3": _naps(4.2),
    **{f"forest-{n}": _sklearn("ensemble:RandomForestClassifier", n_estimators=n) for n in range(2, 6)},
    "bayes": _sklearn("naive_bayes:GaussianNB"),
}

#: Type of the error that each must end with; what is not named must complete.
POISON: Mapping[str, str] = {
    "raises": "ValueError",
    "exits": "SystemExit",
    "leaves": "Exit",
    "crashes": "SIGSEGV",
    "kills-itself": "Killed",  # whatever killed it at its last attempt
}
