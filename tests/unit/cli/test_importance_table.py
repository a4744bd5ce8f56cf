"""What the title of the table of importances says of its score."""

from types import SimpleNamespace
from typing import Any

import pytest

from bakeoff.cli.output.runs.importance_table import importance_table
from bakeoff.domain.runs.column_importance import Importance


@pytest.mark.parametrize(
    ("fits", "said"),
    [(1, "f1 0.8294 on 198 test rows; "), (3, "f1 0.8294, the mean of 3 fits with 198 test rows each; ")],
)
def test_a_score_of_several_fits_is_told_as_their_mean(fits: int, said: str) -> None:
    found = Importance(
        metric="f1", greater_is_better=True, score=0.8294, rows=198, fits=fits, columns=[], missing=[]
    )
    result: Any = SimpleNamespace(model_id="ridge")

    title = str(importance_table(result, found)[1])

    assert title.startswith(f"ridge: {said}")
