"""The oven evaluates tiny data before it forks cells, and nothing of that is left in it."""

import logging
import subprocess
import sys
import warnings
from pathlib import Path

from bakeoff.evaluation.jobs.warm_oven_with_tiny_evaluation import warm_up, warm_up_sklearn


def open_descriptors():
    return sorted(place.name for place in Path("/proc/self/fd").iterdir())


def test_a_warm_up_leaves_no_descriptor_no_folder_and_no_filter_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    warm_up()  # what a library does once, when it is loaded, is done then
    warm_up_sklearn()
    descriptors, filters, handle = open_descriptors(), list(warnings.filters), logging.Logger.handle
    warm_up()
    warm_up_sklearn()
    assert open_descriptors() == descriptors
    assert warnings.filters == filters
    assert logging.Logger.handle is handle
    assert list(tmp_path.iterdir()) == []


def test_a_warm_up_without_scikit_learn_does_not_load_it():
    code = (
        "import sys; from bakeoff.evaluation.jobs.warm_oven_with_tiny_evaluation import warm_up; warm_up(); "
        "sys.exit('sklearn' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
