"""In the cell: a dataset function of the user returns a frame, which is written as Parquet.

The producer imports this, too, for the name of that file; so nothing here takes long to load.
"""

import importlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

from bakeoff.cell.inside.cell_api import CellApi

FRAME = "frame"  #: the name of the output


def read(payload: Mapping[str, Any], inside: CellApi) -> Mapping[str, str]:
    """Returns the problem, if there is one."""
    import pandas as pd

    name = payload["name"]
    module, _, function = name.partition(":")
    try:
        frame = getattr(importlib.import_module(module), function)()
    except (Exception, SystemExit) as problem:  # noqa: BLE001 - it may raise anything, or call sys.exit
        return {
            "problem": f"dataset function {name} raised {type(problem).__name__}: {problem}; it is imported "
            f"from {payload['root']} or an installed package, and called without arguments, in a process "
            "that has no network and may read the project's code, and what `path` names"
        }
    if not isinstance(frame, pd.DataFrame):
        return {
            "problem": f"{name} returned {type(frame).__name__}, expected a pandas DataFrame with the target "
            "as a column"
        }
    frame = frame.set_axis([str(column) for column in frame.columns], axis=1)
    twice = [column for column, times in Counter(frame.columns).items() if times > 1]
    if twice:
        return {"problem": f"{name} returned several columns named {twice[0]!r}: give each a name of its own"}
    return _write(frame, name, inside)


def _write(frame: Any, name: str, inside: CellApi) -> Mapping[str, str]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = pa.Table.from_pandas(frame, preserve_index=False)
        with pa.PythonFile(inside.output(FRAME), mode="w") as sink:
            parquet.write_table(table, sink, compression="none")
    except pa.ArrowException as problem:
        return {
            "problem": f"{name} returned a frame that cannot be written as Parquet: {problem}; give each "
            "column values of one type"
        }
    return {}
