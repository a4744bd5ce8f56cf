"""The labels of a target, and their codes: the place of each among the classes. Needs numpy alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Label = str | int | float | bool


def place_of(label: Label, classes: Sequence[Label]) -> int | None:
    """Where a label stands among the classes, by value or else by its text; None if it is none of them."""
    plain: list[Label] = np.asarray(classes).tolist()
    if label in plain:
        return plain.index(label)
    texts = [str(known) for known in plain]
    return texts.index(str(label)) if str(label) in texts else None


def codes_of(values: NDArray[Any], classes: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """The place of each value in `classes`, which are sorted, and the values that are in none of them.

    Those get the places after the last class, in sort order.
    """
    if (values.dtype.kind == "U") != (classes.dtype.kind == "U"):
        unseen, codes = np.unique(values, return_inverse=True)
        return codes + len(classes), unseen
    codes = np.minimum(np.searchsorted(classes, values), len(classes) - 1)
    strange = classes[codes] != values
    unseen, places = np.unique(values[strange], return_inverse=True)
    codes[strange] = places + len(classes)
    return codes, unseen
