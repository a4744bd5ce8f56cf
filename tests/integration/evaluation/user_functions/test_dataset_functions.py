"""Dataset functions run in cells: what they return arrives, and what they try reaches nothing."""

import shutil
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fixtures.places import PLUGINS

from bakeoff.broker.embedded_redis import socket_folders
from bakeoff.domain.errors import InvalidInputError
from bakeoff.evaluation.user_functions import dataset_functions
from bakeoff.evaluation.user_functions.dataset_functions import Barred, call_dataset_function
from bakeoff.settings.configuration import load

MODULE = "metric_gallery"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    shutil.copy(PLUGINS / f"{MODULE}.py", root)
    for name in ("config/bakeoff.yaml", "data/logs/old.log"):
        file = root / name
        file.parent.mkdir(parents=True)
        file.write_text("secret: 1\n")
    return root


def called(root: Path, function: str, hidden: tuple[Path, ...] = (), **how: Any) -> pd.DataFrame:
    barred = Barred(closed=(root / "config" / "bakeoff.yaml", root / "data"), hidden=hidden)
    return call_dataset_function(f"{MODULE}:{function}", root, barred=barred, **how)


def test_the_frame_arrives_with_its_types_and_nothing_is_imported_here(root: Path) -> None:
    frame = called(root, "a_frame_of_many_types")

    assert [str(one) for one in frame.dtypes] == [
        *("float64", "str", "bool", "int64", "datetime64[us]", "category", "Int64")
    ]
    assert list(frame.columns) == ["x", "word", "7", "y", "day", "kind", "whole"]
    assert frame["word"].isna().tolist() == [False, True, False]
    assert MODULE not in sys.modules


def test_it_reaches_neither_secrets_nor_other_runs_nor_the_network(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_WORKER", "hidden")
    outside = tmp_path / "rows.csv"
    outside.write_text("a\n1\n")
    (root / "place.txt").write_text(str(outside))

    reached = called(root, "a_frame_of_what_it_reached").drop(columns="y").iloc[0].to_dict()
    opened = called(root, "a_frame_of_what_it_reached", opened=[outside])["other_file"].tolist()

    assert reached == dict.fromkeys(
        ("configuration", "data_folder", "other_file", "environment", "network", "written"), 0.0
    )
    assert opened == [1.0]


def test_the_socket_of_the_workers_is_hidden_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "bakeoff.yaml").write_text("{}")
    configuration = load(tmp_path / "config" / "bakeoff.yaml", environment={})

    class StartedError(Exception):
        pass

    def started(_: Path, *, closed: tuple[Path, ...], hidden: tuple[Path, ...], **__: Any) -> None:
        raise StartedError(closed, hidden)

    monkeypatch.setattr(dataset_functions, "oven_for", started)
    with pytest.raises(StartedError) as told:
        call_dataset_function("mine:rows", tmp_path, barred=Barred.by(configuration))

    assert told.value.args == (configuration.own_files, socket_folders(configuration))
    assert socket_folders(configuration)


@pytest.mark.parametrize("opened", [".", "config", "config/bakeoff.yaml", "data"])
def test_a_path_that_holds_files_of_ours_is_refused_before_anything_runs(root: Path, opened: str) -> None:
    with pytest.raises(
        InvalidInputError, match=r"holds Bakeoff's own files \(.*\): name the file or folder of"
    ):
        called(root, "a_frame_of_many_types", opened=[root / opened])


def test_a_file_of_the_user_in_the_data_folder_may_be_named(root: Path) -> None:
    assert len(called(root, "a_frame_of_many_types", opened=[root / "data" / "logs" / "old.log"]))


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (
            "a_frame_of_mixed_values",
            "cannot be written as Parquet: .*mixed.*; give each column values of one",
        ),
        ("a_frame_with_two_columns_of_a_name", "returned several columns named 'a': give each"),
        (
            "a_frame_after_an_exit",
            f"dataset function {MODULE}:a_frame_after_an_exit ended its process with exit",
        ),
        ("a_frame_after_a_crash", "crashed: it was ended by SIGSEGV"),
    ],
)
def test_a_function_that_leaves_no_frame_says_why(root: Path, function: str, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        called(root, function)


def test_a_function_that_hangs_is_ended(root: Path) -> None:
    with pytest.raises(
        InvalidInputError, match=f"{MODULE}:a_frame_some_day took longer than 1 s: let it read less"
    ):
        called(root, "a_frame_some_day", longest_s=1)
