import pytest
from sklearn.metrics import get_scorer_names

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.evaluation.metrics.custom_metric_function import load_metric
from bakeoff.evaluation.metrics.metric_names import check_metrics, check_names
from bakeoff.evaluation.metrics.sklearn_scorer_name_list import known_scorers

BINARY, MULTICLASS, REGRESSION = TargetKind.BINARY, TargetKind.MULTICLASS, TargetKind.REGRESSION


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (
            BINARY,
            [
                "f1",
                "roc_auc",
                "balanced_accuracy",
                "neg_log_loss",
                "jaccard",
                "neg_brier_score",
                "rand_score",
            ],
        ),
        (MULTICLASS, ["f1", "f1_macro", "roc_auc_ovr", "top_k_accuracy", "matthews_corrcoef"]),
        (REGRESSION, ["mae", "r2", "neg_mean_squared_error", "neg_max_error", "neg_mean_gamma_deviance"]),
    ],
)
def test_names_that_fit_the_target_pass(kind, names):
    check_metrics(names, kind)


@pytest.mark.parametrize(
    ("kind", "name", "fitting"),
    [
        (
            BINARY,
            "mae",
            "f1, precision, recall, accuracy, balanced_accuracy, expected_cost, adjusted_mutual_info_score",
        ),
        (BINARY, "neg_mean_squared_error", "roc_auc"),
        (BINARY, "f1_samples", "f1_macro"),
        (MULTICLASS, "roc_auc", "roc_auc_ovr"),
        (MULTICLASS, "jaccard", "jaccard_macro"),
        (REGRESSION, "f1", "r2, mae, rmse, d2_absolute_error_score, explained_variance, neg_max_error"),
        (REGRESSION, "adjusted_rand_score", "r2, mae, rmse"),
    ],
)
def test_a_metric_that_does_not_fit_the_target_is_told_which_do(kind, name, fitting):
    with pytest.raises(InvalidInputError) as told:
        check_metrics([name], kind)

    assert str(told.value).startswith(f"metric '{name}' does not fit a {kind} target; these do: ")
    assert fitting in str(told.value)


@pytest.mark.parametrize(
    ("name", "near"), [("f2", "f1"), ("F1", "f1"), ("auc", "roc_auc"), ("acuracy", "accuracy")]
)
def test_an_unknown_metric_is_told_its_nearest_neighbours(name, near):
    with pytest.raises(InvalidInputError, match=rf"unknown metric '{name}': did you mean (.*, )?{near}[,?]"):
        check_metrics([name], BINARY)


def test_a_name_near_to_nothing_is_told_what_there_is():
    said = r"unknown metric 'zzzz'; expected a built-in metric \(f1, .*, r2, mae, rmse\)"
    with pytest.raises(InvalidInputError, match=said):
        check_metrics(["zzzz"], REGRESSION)


def test_the_scorers_that_are_known_without_scikit_learn_are_those_that_it_has():
    assert sorted(known_scorers()) == sorted(get_scorer_names())


@pytest.mark.parametrize("name", ["f1", "rmse", "roc_auc", "neg_log_loss", "operator:ne"])
def test_a_name_of_any_metric_passes_the_check_that_knows_no_target(name):
    check_names([name])


@pytest.mark.parametrize("name", ["f2", "operator:", ":profit"])
def test_a_name_of_no_metric_is_refused_before_the_target_is_known(name):
    with pytest.raises(InvalidInputError, match=f"metric '{name}'") as told:
        check_names(["f1", name])

    assert told.value.field == "metrics.1"


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("own_metrics_of_a_test:loss", "module own_metrics_of_a_test has no function loss"),
        ("own_metrics_of_a_test:number", "module own_metrics_of_a_test has no function number"),
        ("own_metrics_of_a_test:", "is malformed: expected package.module:function"),
        (":profit", "is malformed: expected package.module:function"),
        ("tasks:profit", "Bakeoff's own package `tasks`: give the module with this function another name"),
        (".x:profit", "module .x cannot be imported"),
        ("nowhere.at_all:profit", "module nowhere.at_all cannot be imported .*No module named 'nowhere'"),
        ("broken_metrics_of_a_test:profit", "cannot be imported .RuntimeError: no licence.; mend it"),
    ],
)
@pytest.mark.usefixtures("own_metrics")
def test_a_custom_metric_that_cannot_be_used_says_why(metric, message):
    with pytest.raises(InvalidInputError, match=message):
        load_metric(metric)


def test_a_custom_metric_fits_any_target(own_metrics):
    for kind in (TargetKind.BINARY, TargetKind.MULTICLASS, TargetKind.REGRESSION):
        check_metrics([f"{own_metrics}:profit"], kind)
