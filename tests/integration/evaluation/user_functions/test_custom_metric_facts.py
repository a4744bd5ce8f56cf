"""What a custom metric says of itself is asked for in a cell, once for the same code."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.metric_names_and_scoring_rules import MetricFacts
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.evaluation.user_functions import custom_metric_facts as asking
from bakeoff.evaluation.user_functions.custom_metric_facts import metric_facts
from bakeoff.settings.configuration import Configuration, load

SOURCE = """
def cost(y_true, y_pred): ...
cost.greater_is_better = False
cost.needs = "probabilities"
cost.target_kinds = ("binary",)
"""


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "bakeoff.yaml").write_text("importTimeout: 20\n")
    (tmp_path / "facts_of_a_test.py").write_text(SOURCE)
    (tmp_path / "exits_in_a_test.py").write_text("import os\nos._exit(3)\n")
    return load(tmp_path / "config" / "bakeoff.yaml", environment={})


@pytest.fixture
def ovens(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The roots of the ovens that were started."""
    started = []
    start: Callable[..., Any] = asking.oven_for

    @contextmanager
    def counted(root: Path, **how: Any) -> Iterator[Any]:
        started.append(root)
        with start(root, **how) as run_cell:
            yield run_cell

    monkeypatch.setattr(asking, "oven_for", counted)
    return started


def test_a_cell_is_asked_and_only_again_when_the_code_has_changed(
    configuration: Configuration, ovens: list[Path]
) -> None:
    names = ["f1", "facts_of_a_test:cost"]
    [first] = metric_facts(names, configuration)
    [again] = metric_facts(names, configuration)
    seen = len(ovens)
    (configuration.root / "facts_of_a_test.py").write_text(SOURCE.replace("False", "True"))
    [changed] = metric_facts(names, configuration)

    assert first == again
    assert (first.greater_is_better, first.needs_probabilities) == (False, True)
    assert first.target_kinds == (TargetKind.BINARY,)
    assert changed.greater_is_better
    assert (seen, len(ovens)) == (1, 2)
    assert "facts_of_a_test" not in sys.modules


def test_facts_of_a_metric_that_imports_from_a_module_beside_it_are_kept_until_that_changes(
    configuration: Configuration, ovens: list[Path]
) -> None:
    helper = configuration.root / "helper_of_a_test.py"
    helper.write_text("LESS_IS_BETTER = False\n")
    (configuration.root / "imports_in_a_test.py").write_text(
        "from helper_of_a_test import LESS_IS_BETTER\n"
        "def points(y_true, y_pred): ...\n"
        "points.greater_is_better = not LESS_IS_BETTER\n"
    )
    for _ in range(2):
        assert metric_facts(["imports_in_a_test:points"], configuration)[0].greater_is_better
    seen = len(ovens)
    helper.write_text("LESS_IS_BETTER = True\n")

    assert not metric_facts(["imports_in_a_test:points"], configuration)[0].greater_is_better
    assert (seen, len(ovens)) == (1, 2)


def test_facts_of_code_that_changes_while_it_is_asked_are_not_kept(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asking._ask

    def changed_meanwhile(*given: Any) -> MetricFacts:
        found = asked(*given)
        (configuration.root / "facts_of_a_test.py").write_text(SOURCE.replace("False", "True"))
        return found

    monkeypatch.setattr(asking, "_ask", changed_meanwhile)
    [before] = metric_facts(["facts_of_a_test:cost"], configuration)
    monkeypatch.undo()
    [after] = metric_facts(["facts_of_a_test:cost"], configuration)

    assert (before.greater_is_better, after.greater_is_better) == (False, True)


def test_an_import_that_ends_its_process_is_refused_by_name(configuration: Configuration) -> None:
    with pytest.raises(
        InvalidInputError, match="'exits_in_a_test:cost': its import ended its process with exit code 3"
    ) as told:
        metric_facts(["f1", "exits_in_a_test:cost"], configuration)

    assert told.value.field == "metrics.1"


def test_metrics_of_ours_and_of_scikit_learn_need_no_cell(
    configuration: Configuration, ovens: list[Path]
) -> None:
    assert metric_facts(["f1", "roc_auc"], configuration) == ()
    assert ovens == []
