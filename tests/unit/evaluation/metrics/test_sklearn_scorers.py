import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import get_scorer

from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.evaluation.metrics.sklearn_scorers import (
    AlreadyPredicted,
    NotAnsweredError,
    measure,
    scorer_fits,
    scorer_names,
)

X = np.random.default_rng(0).normal(size=(60, 3))


def classes_of(count):
    noisy = X[:, 0] + np.random.default_rng(1).normal(size=60) / 3
    return np.digitize(noisy, [0.0] if count == 2 else [-0.6, 0.6])


TARGETS = (TargetKind.BINARY, TargetKind.MULTICLASS, TargetKind.REGRESSION)


@pytest.mark.parametrize(("kind", "count"), [(TargetKind.BINARY, 2), (TargetKind.MULTICLASS, 3)])
def test_every_classification_scorer_says_of_stored_answers_what_it_says_of_the_estimator(kind, count):
    y = classes_of(count)
    fitted = LogisticRegression().fit(X, y)
    stored = AlreadyPredicted(
        fitted.predict(X),
        classes=count,
        probabilities=fitted.predict_proba(X),
        decisions=fitted.decision_function(X),
    )

    asked = [name for name in scorer_names() if scorer_fits(name, kind)]

    assert len(asked) > 30
    for name in asked:
        assert measure(name, stored, y) == pytest.approx(get_scorer(name)(fitted, X, y)), name


def test_every_regression_scorer_says_of_stored_answers_what_it_says_of_the_estimator():
    y = np.exp(X[:, 0] * 0.1 + 3)
    fitted = LinearRegression().fit(X, y)
    stored = AlreadyPredicted(fitted.predict(X), classes=None)

    asked = [name for name in scorer_names() if scorer_fits(name, TargetKind.REGRESSION)]

    assert len(asked) > 10
    for name in asked:
        assert measure(name, stored, y) == pytest.approx(get_scorer(name)(fitted, X, y)), name


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("accuracy", "binary multiclass"),
        ("roc_auc", "binary"),
        ("roc_auc_ovr", "binary multiclass"),
        ("average_precision", "binary multiclass"),
        ("neg_log_loss", "binary multiclass"),
        ("jaccard", "binary"),
        ("f1_macro", "binary multiclass"),
        ("f1_samples", ""),
        ("top_k_accuracy", "multiclass"),
        ("positive_likelihood_ratio", "binary"),
        ("adjusted_rand_score", "binary multiclass"),
        ("r2", "regression"),
        ("neg_mean_squared_error", "regression"),
        ("neg_mean_squared_log_error", "regression"),
        ("neg_max_error", "regression"),
        ("explained_variance", "regression"),
    ],
)
def test_a_scorer_fits_these_targets(name, kinds):
    assert " ".join(kind for kind in TARGETS if scorer_fits(name, kind)) == kinds


def test_nearly_every_scorer_fits_some_target():
    homeless = [name for name in scorer_names() if not any(scorer_fits(name, kind) for kind in TARGETS)]

    assert homeless == ["f1_samples", "jaccard_samples", "precision_samples", "recall_samples"]


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
@pytest.mark.parametrize("stored", ["probabilities", "decisions", "both"])
def test_a_scorer_that_takes_either_is_content_with_what_there_is(name, stored):
    y, positive = np.array([0, 1, 0, 1]), np.array([0.1, 0.4, 0.5, 0.9])
    probabilities = None if stored == "decisions" else np.column_stack([1 - positive, positive])
    decisions = None if stored == "probabilities" else positive - 0.5

    model = AlreadyPredicted(
        (positive > 0.5).astype(int), classes=2, probabilities=probabilities, decisions=decisions
    )

    theirs = {"roc_auc": sk.roc_auc_score, "average_precision": sk.average_precision_score}[name](y, positive)
    assert measure(name, model, y) == pytest.approx(theirs)


@pytest.mark.parametrize(
    ("name", "decisions", "cure"),
    [
        ("roc_auc", None, "it needs probabilities or scores: declare output_kind: proba or score"),
        ("neg_log_loss", None, "it needs probabilities: declare output_kind: proba"),
        ("neg_log_loss", np.array([-1.0, 1.0]), "it needs probabilities: declare output_kind: proba"),
    ],
)
def test_a_scorer_that_asks_for_more_than_there_is_gets_the_cure(name, decisions, cure):
    model = AlreadyPredicted(np.array([0, 1]), classes=2, decisions=decisions)

    with pytest.raises(NotAnsweredError) as told:
        measure(name, model, np.array([0, 1]))

    assert str(told.value) == cure


def test_methods_go_by_their_public_names_which_is_how_scikit_learn_tells_them_apart():
    model = AlreadyPredicted(np.array([0, 1]), classes=2, decisions=np.array([-1.0, 1.0]))

    assert model.decision_function.__name__ == "decision_function"
    assert model.predict_proba.__name__ == "predict_proba"
