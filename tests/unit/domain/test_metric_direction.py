import pytest
from sklearn.metrics import get_scorer_names

from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules, greater_is_better
from bakeoff.evaluation.metrics.custom_metric_function import load_metric


@pytest.mark.parametrize("metric", ["f1", "accuracy", "r2", "roc_auc", "neg_log_loss", "anything"])
def test_more_is_better_unless_the_name_says_otherwise(metric):
    assert greater_is_better(metric)


@pytest.mark.parametrize(
    "metric",
    ["mae", "rmse", "RMSE", "val_rmse", "mse", "log_loss", "loss", "max_error"],
)
def test_less_is_better_for_errors_and_losses(metric):
    assert not greater_is_better(metric)


def test_more_is_better_for_every_scorer_of_scikit_learn():
    assert [name for name in get_scorer_names() if not greater_is_better(name)] == []


@pytest.mark.parametrize(
    ("function", "greater"), [("profit", True), ("log_loss", False), ("gentle_loss", True), ("cost", False)]
)
def test_a_custom_function_may_say_whether_more_is_better(own_metrics, function, greater):
    name = f"{own_metrics}:{function}"
    rules = ScoringRules(metrics=(name,), facts=(load_metric(name).facts,))

    assert ScoringRules.from_json(rules.to_json()).greater_is_better(name) is greater


@pytest.mark.parametrize(
    ("metric", "greater"),
    [
        ("nowhere.at_all:profit", True),
        ("nowhere.at_all:my_loss", False),
        ("costs:cost", False),
        ("costs:total_cost", False),
        ("m:RMSE", False),
        ("m:neg_log_loss", True),
        ("my_cost:share", True),
    ],
)
def test_the_name_decides_where_nothing_is_known_of_a_custom_function(metric, greater):
    assert ScoringRules(metrics=(metric,)).greater_is_better(metric) is greater
