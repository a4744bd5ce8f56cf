"""Delimited text files: CSV, and TSV by its ending."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import listed
from bakeoff.evaluation.datasets.column_types import known_types

if TYPE_CHECKING:
    import pandas as pd

#: Types that the parser makes itself, faster than a conversion of text afterwards would.
_PARSED = ("float32", "float64", "int", "uint", "category", "str")


def read_csv(path: Path, dtypes: Mapping[str, str]) -> "pd.DataFrame":
    known = known_types(dtypes, header(path), str(path))
    parsed = {column: name for column, name in known.items() if name.startswith(_PARSED)}
    text = dict.fromkeys(known.keys() - parsed.keys(), "str")
    try:
        return _parse(path, dtype={**parsed, **text})
    except (ValueError, TypeError, OverflowError):
        # Read as text, the conversion that follows names the column, the row and the value.
        return _parse(path, dtype=dict.fromkeys(known, "str"))


def header(path: Path) -> list[str]:
    """The names in the first line; pandas alone would rename those that occur twice."""
    first = _parse(path, header=None, nrows=1, dtype="str")
    names = [str(name) for name in first.iloc[0].fillna("")] if len(first) else []
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise InvalidInputError(f"{path} has columns of the same name: {listed(twice)}; rename them")
    return names


def _parse(path: Path, **options: Any) -> "pd.DataFrame":
    import pandas as pd

    separator = "\t" if ".tsv" in path.suffixes else ","
    try:
        frame: pd.DataFrame = pd.read_csv(path, sep=separator, low_memory=False, **options)
    except pd.errors.EmptyDataError as problem:
        raise InvalidInputError(f"{path} is empty: expected a line of column names, then rows") from problem
    except pd.errors.ParserError as problem:
        raise InvalidInputError(f"{path} cannot be read as CSV: {problem}") from problem
    except UnicodeDecodeError as problem:
        raise InvalidInputError(f"{path} is not UTF-8 text ({problem}): save it as UTF-8") from problem
    except OSError as problem:
        raise InvalidInputError(f"{path} cannot be read: {problem}") from problem
    return frame
