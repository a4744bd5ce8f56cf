"""What a cell leaves behind of a model that it has fitted."""

import json
import os
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fixtures.places import ROOT, TESTS
from fixtures.values.samples import a_candidate
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bakeoff.cell.inside.cell_api import CellApi
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.evaluation.datasets.read_snapshot import Data
from bakeoff.evaluation.jobs.pickle_fitted_model import MODEL, PREPROCESSOR, pickle_model
from registry.code.class_import import find_class

X = pd.DataFrame({"age": [20.0, np.nan, 40.0, 50.0, 60.0, 70.0], "city": list("aabbab")})
Y = np.array([0, 0, 0, 1, 1, 1])
DATA = Data(
    X_train=X,
    y_train=Y,
    X_test=X,
    target_kind=TargetKind.BINARY,
    classes=(0, 1),
    fields=(),
    seed=0,
)
SCALER = StandardScaler().fit(X[["age"]])


class Left:
    def __init__(self, folder: Path, said: Any) -> None:
        self.said = json.loads(json.dumps(said))
        self._folder = folder

    def bytes(self, name: str = MODEL) -> bytes:
        return (self._folder / name).read_bytes()


def left_of(
    model: Any, folder: Path, preprocessor: Any = None, *, limit_mb: int = 64, **candidate: Any
) -> Left:
    with descriptors(folder) as outputs:
        inside = CellApi(scratch=folder, report=-1, outputs=outputs)
        said = pickle_model(
            model,
            preprocessor,
            own=model,
            name="churn",
            limit_mb=limit_mb,
            candidate=a_candidate(**candidate),
            data=DATA,
            predictions=Y,
            inside=inside,
        )
        inside.flush()
    return Left(folder, said)


@contextmanager
def descriptors(folder: Path) -> Iterator[dict[str, int]]:
    yield {name: os.open(folder / name, os.O_WRONLY | os.O_CREAT, 0o600) for name in (MODEL, PREPROCESSOR)}


class Lambda(LogisticRegression):
    def __init__(self) -> None:
        super().__init__()
        self.ask = lambda x: x + 1


class Locked:
    def __init__(self) -> None:
        self.lock = sys.stdout


class Plain:
    """As short as a candidate can be."""


class Secretive(Plain):
    def get_params(self) -> dict[str, Any]:
        raise RuntimeError("no")


class TooMuch:
    """In the middle of its pickle it says no."""

    def __reduce__(self) -> Any:
        raise RuntimeError("I stay here")


def test_a_model_is_a_plain_pickle_of_protocol_5(tmp_path: Path) -> None:
    left = left_of(LogisticRegression(C=0.5), tmp_path)

    assert left.bytes()[:2] == b"\x80\x05"
    assert pickle.loads(left.bytes()).C == 0.5
    assert b"cloudpickle" not in left.bytes()
    assert left.bytes(PREPROCESSOR) == b""


def test_what_plain_pickle_cannot_say_cloudpickle_says(tmp_path: Path) -> None:
    left = left_of(Lambda(), tmp_path)

    assert pickle.loads(left.bytes()).ask(1) == 2


def test_a_class_that_no_import_reaches_goes_with_its_model(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    file = tmp_path / "elsewhere" / "mine.py"
    file.write_text("class Mine:\n    def fit(self, X, y): ...\n    def predict(self, X): return 7\n")
    model = find_class(f"{file}:Mine", root=tmp_path / "root")()
    left = left_of(model, tmp_path)
    file.unlink()

    script = "import pickle, sys; print(pickle.load(sys.stdin.buffer).predict(0))"
    loaded = subprocess.run(
        [sys.executable, "-c", script], input=left.bytes(), capture_output=True, check=True
    )
    assert loaded.stdout == b"7\n"


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        (Locked(), "it cannot be pickled: TypeError: cannot pickle "),
        (TooMuch(), "it cannot be pickled: RuntimeError: I stay here"),
        (make_pipeline(StandardScaler(), TooMuch()), "it cannot be pickled: RuntimeError: I stay here"),
    ],
)
def test_what_cannot_be_pickled_is_said_and_leaves_no_file(tmp_path: Path, model: Any, problem: str) -> None:
    left = left_of(model, tmp_path, preprocessor=SCALER)

    assert left.said["problem"].startswith(problem)
    assert (left.bytes(), left.bytes(PREPROCESSOR)) == (b"", b"")


def test_a_preprocessor_that_cannot_be_pickled_takes_its_model_with_it(tmp_path: Path) -> None:
    left = left_of(LogisticRegression(), tmp_path, preprocessor=TooMuch())

    assert left.said == {"problem": "it cannot be pickled: RuntimeError: I stay here"}
    assert (left.bytes(), left.bytes(PREPROCESSOR)) == (b"", b"")


def test_a_pickle_that_is_too_large_leaves_no_file(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import resource, sys
        from pathlib import Path
        sys.path[:0] = sys.argv[2:]
        from unit.evaluation.jobs.test_pickle_fitted_model import LogisticRegression, left_of, np
        model = LogisticRegression()
        model.ballast = np.arange(1_000_000)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
        print(left_of(model, Path(sys.argv[1])).said["problem"])
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), str(TESTS), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == "it cannot be pickled: OSError: [Errno 27] File too large\n", done.stderr
    assert (tmp_path / MODEL).read_bytes() == b""


def test_one_that_has_more_than_its_limit_says_both_and_leaves_no_file(tmp_path: Path) -> None:
    model = LogisticRegression()
    model.ballast = [bytes(1_000_000), bytes(1_500_000)]
    left = left_of(model, tmp_path, preprocessor=SCALER, limit_mb=2)

    assert left.said == {
        "problem": "it takes 3 MB, and modelRegistry.modelLimitMb is 2: raise that limit, or let the "
        "candidate keep less"
    }
    assert (left.bytes(), left.bytes(PREPROCESSOR)) == (b"", b"")
    assert "description" in left_of(model, tmp_path, limit_mb=3).said


def test_so_does_a_preprocessor_that_has_more(tmp_path: Path) -> None:
    scaler = StandardScaler().fit(X[["age"]])
    scaler.ballast = bytes(2**20)
    left = left_of(LogisticRegression(), tmp_path, preprocessor=scaler, limit_mb=1)

    assert left.said["problem"].startswith("its preprocessor takes 2 MB, and modelRegistry.modelLimitMb is 1")
    assert (left.bytes(), left.bytes(PREPROCESSOR)) == (b"", b"")


def test_the_preprocessor_stands_beside_the_model_with_its_names(tmp_path: Path) -> None:
    left = left_of(LogisticRegression(), tmp_path, preprocessor=SCALER)

    artifact = pickle.loads(left.bytes(PREPROCESSOR))
    assert sorted(artifact) == ["feature_names_in", "feature_names_out", "model_name", "preprocessor"]
    assert (artifact["model_name"], artifact["feature_names_in"]) == ("churn", ["age"])
    assert artifact["preprocessor"].mean_ == SCALER.mean_


def test_what_is_said_of_a_model_is_what_a_predictor_needs(tmp_path: Path) -> None:
    said = left_of(LogisticRegression(C=0.5), tmp_path).said["description"]

    assert said["type"] == "LogisticRegression"
    assert (said["hyperparameters"]["C"], said["hyperparameters"]["max_iter"]) == (0.5, 100)
    assert said["feature_names"] == ["age", "city"]
    inputs = [
        (column["name"], column["type"], column.get("optional")) for column in said["signature"]["inputs"]
    ]
    assert [(name, kind) for name, kind, _ in inputs] == [("age", "float"), ("city", "text")]
    assert [column["name"] for column in said["signature"]["outputs"]] == ["prediction"]
    assert said["input_example"]["data"][:2] == [[20.0, "a"], [None, "a"]]
    assert len(said["input_example"]["data"]) == 5
    assert set(said["libraries"]) >= {"python", "numpy", "pandas", "scikit-learn"}


@pytest.mark.parametrize("model", [Plain(), Secretive()])
def test_a_model_that_does_not_tell_its_parameters_has_those_of_the_catalog(tmp_path, model) -> None:
    said = left_of(model, tmp_path, params={"depth": 3}).said["description"]

    assert said["hyperparameters"] == {"depth": 3}
