"""The toy sets are those of scikit-learn to the last bit, and reading most of them does not import it."""

import subprocess
import sys

import pandas as pd
import pytest
from fixtures.places import ROOT
from sklearn import datasets

from bakeoff.evaluation.datasets.sources import built_in_sources

TOYS = ["breast_cancer", "diabetes", "digits", "iris", "wine"]


def theirs(name):
    return getattr(datasets, f"load_{name}")(as_frame=True).frame


@pytest.mark.parametrize("name", TOYS)
def test_a_toy_set_is_what_scikit_learn_says_it_is(name):
    pd.testing.assert_frame_equal(built_in_sources.load_toy_set(name), theirs(name), check_exact=True)


def test_reading_one_does_not_import_scikit_learn():
    script = (
        "import sys; from bakeoff.evaluation.datasets.sources.built_in_sources import load_toy_set as load\n"
        "sizes = [load(name).shape for name in ('breast_cancer', 'digits', 'iris', 'wine')]\n"
        "print(sizes, 'sklearn' in sys.modules)"
    )
    said = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    ).stdout

    assert said == "[(569, 31), (1797, 65), (150, 5), (178, 14)] False\n"


@pytest.mark.parametrize(
    "file",
    [
        built_in_sources._ToyFile("moved.csv", ["a"]),  # not there
        built_in_sources._ToyFile("iris.csv", ["a", "b"]),  # other columns
        built_in_sources._ToyFile("diabetes_target.csv.gz", ["a"], lines_above=0),  # something else
        built_in_sources._ToyFile("breast_cancer.csv", ["a"], lines_above=0),  # text
    ],
)
def test_a_file_that_is_not_as_it_was_is_left_to_scikit_learn(monkeypatch, file):
    monkeypatch.setattr(built_in_sources, "_FILES", {"iris": file})

    pd.testing.assert_frame_equal(built_in_sources.load_toy_set("iris"), theirs("iris"))
