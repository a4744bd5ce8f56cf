import math
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from bakeoff.domain.metric_names_and_scoring_rules import Average
from bakeoff.evaluation.metrics import built_in_metrics
from registry.columns.classes_from_predictions import codes_of

LABEL_SETS = st.sampled_from(
    [
        [0, 1],
        [-3, 7],
        [1],
        [False, True],
        ["no", "yes"],
        ["a", "b", "c", "dd"],
        [0.0, 1.0, 3.0],
        list(range(12)),
        list(range(built_in_metrics.LARGEST_TABLE + 10)),
    ]
)
ZERO_DIVISIONS = st.sampled_from([0.0, 1.0, math.nan])


@st.composite
def truth_and_predictions(draw):
    """Labels from one set, the true ones perhaps from a part of it, the predicted ones from another part."""
    labels = draw(LABEL_SETS)
    rows = draw(st.integers(1, 30))
    some = st.lists(st.sampled_from(labels), min_size=1, unique=True)
    true = draw(st.lists(st.sampled_from(draw(some)), min_size=rows, max_size=rows))
    predicted = draw(st.lists(st.sampled_from(draw(some)), min_size=rows, max_size=rows))
    known = sorted(set(true) | set(draw(some)))
    return np.array(true), np.array(predicted), np.array(known)


def counted(true, predicted, known):
    true_codes, strangers = codes_of(true, known)
    assert strangers.size == 0
    codes, unseen = codes_of(predicted, known)
    return built_in_metrics.count(true_codes, codes, len(known) + len(unseen))


SCIKIT_LEARN = {"precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score}


@given(data=truth_and_predictions(), zero_division=ZERO_DIVISIONS)
@pytest.mark.parametrize("metric", ["precision", "recall", "f1"])
def test_averages_equal_those_of_scikit_learn(metric, data, zero_division):
    counts = counted(*data)
    for average in (Average.MACRO, Average.MICRO, Average.WEIGHTED):
        ours = built_in_metrics.averaged(
            metric, counts, average=average, positive=None, zero_division=zero_division
        )
        theirs = SCIKIT_LEARN[metric](*data[:2], average=str(average), zero_division=zero_division)
        assert ours == pytest.approx(theirs, rel=1e-12, nan_ok=True), average


@given(
    labels=st.sampled_from([[0, 1], ["no", "yes"], [False, True], [-1, 1]]),
    places=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=20),
    positive=st.integers(0, 1),
    zero_division=ZERO_DIVISIONS,
)
@pytest.mark.parametrize("metric", ["precision", "recall", "f1"])
def test_the_binary_average_equals_that_of_scikit_learn(metric, labels, places, positive, zero_division):
    known = np.array(labels)
    true, predicted = known[[t for t, _ in places]], known[[p for _, p in places]]
    ours = built_in_metrics.averaged(
        metric,
        counted(true, predicted, known),
        average=Average.BINARY,
        positive=positive,
        zero_division=zero_division,
    )
    theirs = SCIKIT_LEARN[metric](true, predicted, pos_label=known[positive], zero_division=zero_division)
    assert ours == pytest.approx(theirs, rel=1e-12, nan_ok=True)


@given(data=truth_and_predictions(), zero_division=ZERO_DIVISIONS)
def test_numbers_per_label_and_accuracies_equal_those_of_scikit_learn(data, zero_division):
    true, predicted, known = data
    counts = counted(*data)
    occurring = np.unique(np.concatenate([true, predicted]))
    labels = [*known.tolist(), *sorted(set(predicted.tolist()) - set(known.tolist()))]
    shown = [labels.index(label) for label in occurring.tolist()]

    for name, theirs in SCIKIT_LEARN.items():
        ours = built_in_metrics.per_label(name, counts, zero_division=zero_division)[shown]
        np.testing.assert_allclose(
            ours, theirs(true, predicted, average=None, zero_division=zero_division), rtol=1e-12
        )
    assert built_in_metrics.accuracy(counts) == pytest.approx(sk.accuracy_score(true, predicted))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert built_in_metrics.balanced_accuracy(counts) == pytest.approx(
            sk.balanced_accuracy_score(true, predicted)
        )


def test_a_small_table_by_hand():
    true, predicted = np.array(["a", "a", "a", "b"]), np.array(["a", "b", "c", "b"])

    counts = counted(true, predicted, np.array(["a", "b"]))

    assert counts.table is not None
    assert counts.table.tolist() == [[1, 1, 1], [0, 1, 0], [0, 0, 0]]
    assert counts.support.tolist() == [3, 1, 0]
    assert counts.predicted.tolist() == [1, 2, 1]
    recall = built_in_metrics.averaged(
        "recall", counts, average=Average.WEIGHTED, positive=None, zero_division=0.0
    )
    assert recall == 0.5


def test_labels_that_are_no_classes_get_codes_after_the_last_class():
    codes, unseen = codes_of(np.array([2, 9, 1, 0, 9, 7]), np.array([1, 2]))

    assert codes.tolist() == [1, 4, 0, 2, 4, 3]
    assert unseen.tolist() == [0, 7, 9]


def test_text_is_never_taken_for_a_number():
    codes, unseen = codes_of(np.array(["1", "0"]), np.array([0, 1]))

    assert codes.tolist() == [3, 2]
    assert unseen.tolist() == ["0", "1"]


@pytest.mark.parametrize("values", [[0.0, 1.0, 1.0], [False, True, True], [0, 1, 1]])
@pytest.mark.parametrize("classes", [[0, 1], [False, True], [0.0, 1.0]])
def test_equal_numbers_are_equal_labels_whatever_their_type(values, classes):
    codes, unseen = codes_of(np.array(values), np.array(classes))

    assert codes.tolist() == [0, 1, 1]
    assert unseen.size == 0


@pytest.mark.parametrize(("labels", "has_table"), [(50, True), (51, False)])
def test_a_table_is_made_up_to_fifty_labels(labels, has_table):
    codes = np.arange(labels)

    counts = built_in_metrics.count(codes, codes[::-1], labels)

    assert (counts.table is not None) is has_table
    assert counts.support.tolist() == [1] * labels


def test_neither_scikit_learn_nor_pandas_is_imported_for_the_built_in_metrics():
    program = (
        "import sys, numpy as np\n"
        "import bakeoff.evaluation.metrics.metric_names, registry.columns.check_predictions\n"
        "import bakeoff.evaluation.reports.leaderboard\n"
        "from bakeoff.evaluation.metrics.run_scoring_options import resolve_rules\n"
        "from bakeoff.evaluation.metrics.score_predictions import Predictions, score\n"
        "from bakeoff.domain.candidate import OutputKind\n"
        "from bakeoff.domain.snapshot_reference_and_split_design import TargetKind\n"
        "for kind, classes in [(TargetKind.BINARY, [0, 1]), (TargetKind.REGRESSION, [])]:\n"
        "    y = [0, 1]\n"
        "    rules = resolve_rules(target_kind=kind, classes=classes)\n"
        "    said = Predictions(values=np.array(y), output_kind=OutputKind.LABELS)\n"
        "    score(np.array(y), said, rules=rules, target_kind=kind, classes=classes)\n"
        "print(sorted({'sklearn', 'pandas', 'scipy.stats', 'sqlalchemy'} & set(sys.modules)))\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (ran.stdout, ran.stderr) == ("[]\n", "")


@pytest.mark.parametrize("values", [[0, 1, 1, 0], [2, 9, 1, -1, 0], [np.iinfo(np.int64).min, 1], []])
@pytest.mark.parametrize("classes", [[0, 1], [1, 2, 3], [0, 2], [-1, 0, 1]])
def test_codes_of_integers_are_the_same_whether_or_not_they_stand_in_a_row(values, classes):
    numbers, known = np.array(values, dtype=np.int64), np.array(classes, dtype=np.int64)
    codes, unseen = codes_of(numbers, known)
    searched, unseen_searched = codes_of(numbers.astype(np.float64), known.astype(np.float64))

    assert codes.tolist() == searched.tolist()
    assert unseen.tolist() == unseen_searched.tolist()
