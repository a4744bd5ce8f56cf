"""The details of a candidate say of what its numbers are."""

from types import SimpleNamespace
from typing import Any

import pytest

from bakeoff.cli.output.runs.metric_details import details


@pytest.mark.parametrize(("found", "told"), [({"folds": []}, 1), ({}, 0)])
def test_with_folds_it_is_told_that_the_tables_count_the_rows_of_all_folds(
    found: dict[str, Any], told: int
) -> None:
    result = SimpleNamespace(model_id="tree", model_version="1", metrics={"f1": 0.84}, details=found)
    standing: Any = SimpleNamespace(result=result)

    lines = [str(part) for part in details(standing)]

    assert sum(line.startswith("these are means of the folds; below, the rows of") for line in lines) == told
