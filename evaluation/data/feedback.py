"""The dataset that grows by itself: items that have a label, a column for each feature."""

from typing import TYPE_CHECKING

from domain.errors import InvalidInputError
from store.engine import open_database
from store.labels import labelled_items

if TYPE_CHECKING:
    import pandas as pd


def labelled_frame(url: str, target: str) -> "pd.DataFrame":
    """Columns are in the order of their names: who sent which feature first is no part of the data."""
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
