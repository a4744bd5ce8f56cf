"""Sources that need no file of the user: scikit-learn's toy sets, and the items that have a label.

Four of the toy sets are read from scikit-learn's files without importing scikit-learn, which takes a second
(docs/decisions/0018-toy-sets.md). If a file is missing or has another form, scikit-learn's loader is used.
"""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bakeoff.domain.errors import InvalidInputError
from bakeoff.store.database.engine_and_transactions import open_database
from bakeoff.store.feedback.feedback_labels import labelled_items

if TYPE_CHECKING:
    import pandas as pd


def labelled_frame(url: str, target: str) -> "pd.DataFrame":
    """One column for each feature, and `target` with the labels.

    Columns are ordered by name: the order in which features were sent must not change the snapshot.
    """
    import pandas as pd

    found = labelled_items(open_database(url))
    if not found:
        raise InvalidInputError(
            "no result has a label yet: `bakeoff results label`, or POST /api/ml/labels, gives the first one"
        )
    features = pd.DataFrame([row for row, _ in found])
    if target in features.columns:
        raise InvalidInputError(
            f"a feature is called {target!r}, as is the column of the labels: call that another name, "
            "with `target`"
        )
    return features[sorted(features.columns)].assign(**{target: [label for _, label in found]})


TOY_SETS = ("breast_cancer", "diabetes", "digits", "iris", "wine")

_NUCLEUS = (
    "radius,texture,perimeter,area,smoothness,compactness,concavity,concave points,symmetry,fractal dimension"
)
_IRIS = "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)"
_WINE = (
    "alcohol,malic_acid,ash,alcalinity_of_ash,magnesium,total_phenols,flavanoids,nonflavanoid_phenols,"
    "proanthocyanins,color_intensity,hue,od280/od315_of_diluted_wines,proline"
)


class _ToyFile(NamedTuple):
    """A file of numbers, separated by commas, the target last."""

    name: str
    features: Sequence[str]
    lines_above: int = 1


_FILES: Mapping[str, _ToyFile] = {
    "breast_cancer": _ToyFile(
        "breast_cancer.csv",
        [how.format(what) for how in ("mean {}", "{} error", "worst {}") for what in _NUCLEUS.split(",")],
    ),
    "digits": _ToyFile(
        "digits.csv.gz", [f"pixel_{r}_{c}" for r in range(8) for c in range(8)], lines_above=0
    ),
    "iris": _ToyFile("iris.csv", _IRIS.split(",")),
    "wine": _ToyFile("wine_data.csv", _WINE.split(",")),
}


def load_toy_set(name: str) -> "pd.DataFrame":
    """The features, and the column `target`."""
    frame = _read_toy_file(_FILES[name]) if name in _FILES else None
    return _load_by_sklearn(name) if frame is None else frame


def _read_toy_file(file: _ToyFile) -> "pd.DataFrame | None":
    import pandas as pd

    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        return None
    path = Path(package.origin).parent / "datasets" / "data" / file.name
    try:
        values = np.loadtxt(path, delimiter=",", skiprows=file.lines_above)
    except (OSError, ValueError):
        return None
    if values.shape[1:] != (len(file.features) + 1,):
        return None
    frame = pd.DataFrame(values[:, :-1], columns=list(file.features))
    return frame.assign(target=values[:, -1].astype("int64"))


def _load_by_sklearn(name: str) -> "pd.DataFrame":
    from sklearn import datasets

    frame: pd.DataFrame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    return frame
