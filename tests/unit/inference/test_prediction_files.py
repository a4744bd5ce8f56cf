import csv
import datetime as dt
import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fixtures.values.memory_registry import InMemoryRegistry
from sklearn.linear_model import LinearRegression, LogisticRegression

from bakeoff.domain.errors import InvalidInputError
from bakeoff.inference.loaded_version import LoadedVersion
from bakeoff.inference.predict_file import FilePrediction, check_file, predict_file

X = pd.DataFrame({"age": [20, 30, 40, 50, 60, 70], "pay": [1.0, 2.5, 2.0, 4.5, 5.0, 6.5]})
TWO = np.array(["no", "no", "no", "yes", "yes", "yes"])
THREE = np.array(["a", "a", "b", "b", "c", "c"])
PEOPLE = X.assign(id=[f"{place:03}" for place in range(6)], mood="fine")


class Shout:
    """Answers a text column in capitals, with whatever is missing as a question mark."""

    def fit(self, X, y):
        return self

    def predict(self, X):
        return [f"{value}".upper() if isinstance(value, str) else "?" for value in X.iloc[:, 0]]


class Weekday(Shout):
    def predict(self, X):
        return X.iloc[:, 0].dt.day_of_week.to_numpy()


def served_by(model, example, **given) -> LoadedVersion:
    registry = InMemoryRegistry()
    return LoadedVersion.of(registry.load(registry.save_model(model, "m", input_example=example, **given)))


@cache
def served() -> LoadedVersion:
    """What says no up to 40, and yes from there on."""
    return served_by(LogisticRegression(max_iter=5000).fit(X, TWO), X)


def written(frame: pd.DataFrame, file: Path) -> Path:
    if file.suffix == ".parquet":
        frame.to_parquet(file, index=False, row_group_size=4)
    else:
        frame.to_csv(file, index=False, sep="\t" if ".tsv" in file.suffixes else ",")
    return file


def predicted(asked: LoadedVersion, source: Path, target: Path, ids=(), **how) -> list[dict[str, object]]:
    """The rows of the output."""
    predict_file(FilePrediction.of(asked, source, ids), target, **how)
    match target.suffix:
        case ".parquet":
            return pq.read_table(target).to_pylist()
        case ".jsonl":
            return [json.loads(line) for line in target.read_text().splitlines()]
        case _:
            with target.open(newline="") as file:
                return list(csv.DictReader(file))


@pytest.mark.parametrize("source", ["in.csv", "in.tsv", "in.csv.gz", "in.parquet", "IN.CSV"])
@pytest.mark.parametrize("target", ["out.csv", "out.parquet", "out.jsonl"])
@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_each_row_gets_its_prediction_and_its_id_in_every_format(tmp_path, source, target, batch_size):
    file = written(PEOPLE[["mood", "pay", "id", "age"]], tmp_path / source)

    rows = predicted(served(), file, tmp_path / target, ["id"], batch_size=batch_size)

    assert rows == [
        {"id": "000", "prediction": "no"},
        {"id": "001", "prediction": "no"},
        {"id": "002", "prediction": "no"},
        {"id": "003", "prediction": "yes"},
        {"id": "004", "prediction": "yes"},
        {"id": "005", "prediction": "yes"},
    ]


@pytest.mark.parametrize(
    ("asked", "columns"),
    [
        (served(), ["prediction", "probability"]),
        (
            served_by(LogisticRegression(max_iter=5000).fit(X, THREE), X),
            ["prediction", "probability_a", "probability_b", "probability_c"],
        ),
        (
            served_by(
                LinearRegression().fit(X, range(6)), X, metadata={"outputKind": "score", "classes": [0, 1]}
            ),
            ["prediction", "score"],
        ),
        (
            served_by(
                LinearRegression().fit(X, np.eye(6)[:, :3]),
                X,
                metadata={"outputKind": "score", "classes": [1, 2, 3]},
            ),
            ["prediction", "score_1", "score_2", "score_3"],
        ),
    ],
)
def test_probabilities_and_scores_stand_beside_the_predictions_under_the_names_of_the_classes(
    tmp_path, asked, columns
):
    rows = predicted(
        asked, written(X, tmp_path / "in.csv"), tmp_path / "out.parquet", probabilities=True, batch_size=2
    )

    answer = asked.answer(X, probabilities=True)
    assert [list(row) for row in rows] == [columns] * 6
    assert [row["prediction"] for row in rows] == answer.predictions.tolist()
    beside = np.array([list(row.values())[1:] for row in rows])
    assert beside == pytest.approx(np.reshape(answer.probabilities, (6, -1)))


def test_numbers_stay_numbers(tmp_path):
    asked = served_by(LinearRegression().fit(X, range(6)), X)

    rows = predicted(asked, written(X, tmp_path / "in.parquet"), tmp_path / "out.parquet")

    assert [row["prediction"] for row in rows] == asked.answer(X).predictions.tolist()


def test_ids_keep_their_types_from_parquet_to_parquet(tmp_path):
    ids = {
        "whole": pa.array([1, None, 3], pa.int64()),
        "day": pa.array([dt.date(2026, 11, 20), None, None]),
        "word": pa.array(["a", "b", "a"]).dictionary_encode(),
    }
    pq.write_table(pa.table({**ids, "age": [1, 2, 3], "pay": [1.5, 2.5, 3.5]}), tmp_path / "in.parquet")

    predict_file(
        FilePrediction.of(served(), tmp_path / "in.parquet", list(ids)),
        tmp_path / "out.parquet",
        batch_size=2,
    )

    found = pq.read_table(tmp_path / "out.parquet").select(list(ids))
    assert found.schema.types == [pa.int64(), pa.date32(), pa.string()]
    assert found.to_pydict() == {
        "whole": [1, None, 3],
        "day": [dt.date(2026, 11, 20), None, None],
        "word": ["a", "b", "a"],
    }


def test_a_column_may_be_a_feature_and_an_id(tmp_path):
    (tmp_path / "in.csv").write_text("age,pay\n020,1\n70,6.50\n")

    rows = predicted(served(), tmp_path / "in.csv", tmp_path / "out.csv", ["pay", "age"], batch_size=1)

    assert rows == [
        {"pay": "1", "age": "020", "prediction": "no"},
        {"pay": "6.50", "age": "70", "prediction": "yes"},
    ]


def test_text_that_looks_like_a_number_stays_text_in_csv(tmp_path):
    asked = served_by(Shout(), [{"zip": "a"}])
    (tmp_path / "in.csv").write_text("zip\n007\n\n1e5\ntrue\n")

    rows = predicted(asked, tmp_path / "in.csv", tmp_path / "out.csv", batch_size=2)

    assert [row["prediction"] for row in rows] == ["007", "1E5", "TRUE"]


def test_dates_are_read_from_csv(tmp_path):
    asked = served_by(Weekday(), pd.DataFrame({"day": pd.to_datetime(["2026-11-20"])}))
    (tmp_path / "in.csv").write_text("day\n2026-11-20\n2026-11-22T08:30:00\n")

    rows = predicted(asked, tmp_path / "in.csv", tmp_path / "out.jsonl")

    assert rows == [{"prediction": 4}, {"prediction": 6}]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_text_with_quotes_commas_and_line_breaks_comes_through(tmp_path, ending):
    texts = ["plain", 'a "quoted" one', "one, two", "two\nlines", "", "ümläut"]
    file = written(pd.DataFrame({"word, or two": texts}), tmp_path / "in.parquet")
    asked = served_by(Shout(), [{"word, or two": "a"}])

    rows = predicted(asked, file, tmp_path / f"out.{ending}", ["word, or two"], batch_size=1)

    assert [row["word, or two"] for row in rows] == texts
    assert [row["prediction"] for row in rows] == [text.upper() for text in texts]


def test_in_csv_an_empty_text_is_told_from_a_missing_value(tmp_path):
    file = written(pd.DataFrame({"word": [None, ""]}), tmp_path / "in.parquet")

    predicted(served_by(Shout(), [{"word": "a"}]), file, tmp_path / "out.csv", ["word"])

    assert (tmp_path / "out.csv").read_text() == 'word,prediction\n,"?"\n"",""\n'


def test_in_csv_nothing_is_quoted_without_need(tmp_path):
    predicted(served(), written(PEOPLE[:2], tmp_path / "in.csv"), tmp_path / "out.csv", ["id"])

    assert (tmp_path / "out.csv").read_text() == "id,prediction\n000,no\n001,no\n"


@pytest.mark.parametrize("source", ["in.csv", "in.parquet"])
@pytest.mark.parametrize(
    ("target", "kind"), [("out.csv", None), ("out.parquet", "string"), ("out.jsonl", None)]
)
def test_a_file_without_rows_gives_one_without_rows(tmp_path, source, target, kind):
    rows = predicted(served(), written(PEOPLE[:0], tmp_path / source), tmp_path / target, ["id"])

    assert rows == []
    if target == "out.csv":
        assert (tmp_path / target).read_text() == "id,prediction\n"
    if kind:
        assert pq.read_schema(tmp_path / target).names == ["id", "prediction"]


@pytest.mark.parametrize("source", ["in.csv", "in.parquet"])
def test_an_error_names_the_row_of_the_file_and_leaves_no_output(tmp_path, source):
    wrong = PEOPLE.assign(pay=["1", "2", "3", "4", "much", "6"])
    (tmp_path / "out.csv").write_text("as it was")

    with pytest.raises(
        InvalidInputError, match=r"column 'pay' is text where float is expected, first '.*' in row"
    ):
        predicted(served(), written(wrong, tmp_path / source), tmp_path / "out.csv", batch_size=2)

    assert (tmp_path / "out.csv").read_text() == "as it was"
    assert sorted(path.name for path in tmp_path.iterdir()) == [source, "out.csv"]


def test_rows_are_counted_over_all_batches(tmp_path):
    file = written(PEOPLE.assign(pay=["1", "2", "3", "4", "much", "6"]), tmp_path / "in.csv")

    with pytest.raises(InvalidInputError, match="first 'much' in row 5: give numbers"):
        predicted(served(), file, tmp_path / "out.csv", batch_size=2)


def test_a_model_fitted_on_an_array_is_given_all_columns_but_the_ids(tmp_path):
    asked = served_by(LogisticRegression(max_iter=5000).fit(X.to_numpy(), TWO), X.to_numpy())
    file = written(PEOPLE[["id", "age", "pay"]], tmp_path / "in.csv")

    assert [row["prediction"] for row in predicted(asked, file, tmp_path / "out.csv", ["id"])] == TWO.tolist()
    with pytest.raises(InvalidInputError, match="1 column too many: give those that the model knows"):
        predicted(asked, file, tmp_path / "out.csv")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("in.csv", b"", "is empty: expected a line of column names"),
        ("in.csv", b"age,age\n1,2\n", "there are columns of the same name: age; rename them"),
        (
            "in.csv",
            b"age,pay\n1,2\n1,2,3\n",
            "CSV: line 3 has 3 values and those above have 2: put a value that",
        ),
        (
            "in.csv",
            b"age,pay\n1,2,\n3,4,\n",
            "line 2 has 3 values and those above have 2: .* that ends a line",
        ),
        ("in.csv", b"age,pay\n\n1,2,3\n2,3,4\n", "line 3 has 3 values and those above have 2: put a value"),
        ("in.csv", b'age,pay\n1,2\n"3,4\n', "a double quote opens in row 2 and is not closed"),
        ("in.csv", b"age,pay\n\xff,2\n", r"is no utf-8 text \(invalid start byte\): save it as UTF-8"),
        ("in.parquet", b"PAR1", "cannot be read as Parquet: "),
        ("in.xlsx", b"", r"is neither CSV nor Parquet by its name: expected .csv, .tsv, .parquet, .pq"),
        ("csv", b"", "is neither CSV nor Parquet by its name"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path, name, content, problem):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(InvalidInputError, match=problem):
        predicted(served(), tmp_path / name, tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("ids", [(), ("pay",)])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_semicolons_decimal_commas_and_a_marked_encoding_are_found_as_they_are_in_datasets(
    tmp_path, ids, encoding
):
    PEOPLE.to_csv(tmp_path / "in.csv", index=False, sep=";", decimal=",", encoding=encoding)

    rows = predicted(served(), tmp_path / "in.csv", tmp_path / "out.csv", ids)

    assert [row["prediction"] for row in rows] == TWO.tolist()


def test_a_parquet_file_that_is_damaged_in_the_middle_gives_no_output(tmp_path):
    file = tmp_path / "in.parquet"
    X.to_parquet(file, compression="gzip")
    data = bytearray(file.read_bytes())
    data[20:60] = b"\0" * 40
    file.write_bytes(data)

    with pytest.raises(InvalidInputError, match="cannot be read as Parquet: "):
        predicted(served(), file, tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("out.txt", "says no format: expected .csv, .parquet, .pq, .jsonl, .ndjson"),
        ("nowhere/out.csv", "cannot be written: No such file or directory"),
        ("in.csv", "the predictions would take the place of their input"),
        ("folder.csv", "is no file that could be written: name another one"),
    ],
)
def test_an_output_that_cannot_be_is_refused(tmp_path, target, problem):
    (tmp_path / "folder.csv").mkdir()

    with pytest.raises(InvalidInputError, match=problem):
        predicted(served(), written(X, tmp_path / "in.csv"), tmp_path / target)


def test_an_output_that_is_a_link_is_written_where_it_leads(tmp_path):
    (tmp_path / "out.csv").symlink_to(tmp_path / "real.csv")

    predicted(served(), written(X[:1], tmp_path / "in.csv"), tmp_path / "out.csv")

    assert (tmp_path / "out.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "prediction\nno\n"


def test_an_id_that_is_not_there_or_called_as_an_answer_is_refused(tmp_path):
    file = written(PEOPLE.assign(prediction=1), tmp_path / "in.csv")

    with pytest.raises(InvalidInputError, match="has no column 'idd'; did you mean 'id'"):
        FilePrediction.of(served(), file, ["idd"])
    with pytest.raises(
        InvalidInputError, match="to be copied is called 'prediction', as is one of the answers"
    ):
        predicted(served(), file, tmp_path / "out.csv", ["prediction"])


def test_progress_is_told_after_each_batch(tmp_path):
    told: list[int] = []
    work = FilePrediction.of(served(), written(X, tmp_path / "in.parquet"))

    predict_file(work, tmp_path / "out.csv", batch_size=2, progress=told.append)

    assert (told, work.source.rows) == ([2, 4, 6], 6)


def test_a_check_reads_all_rows_and_asks_the_model_nothing(tmp_path):
    frame = PEOPLE.assign(age=[1, 2, None, 4, 5, 6], pay=["1", "2", "3", "x", "5", "y"])
    file = written(frame[["pay", "mood", "age", "id"]], tmp_path / "in.csv")

    comparison, rows = check_file(FilePrediction.of(served(), file, ["id"]), batch_size=2)

    assert rows == 6
    assert comparison.to_record() == {
        "valid": False,
        "missing_features": [],
        "extra_features": ["mood"],
        "wrong_types": {"pay": {"expected": "float", "found": "text", "row": 3, "value": "'x'"}},
        "reordered": True,
        "unexpected_gaps": ["age"],
        "problems": ["column 'pay' is text where float is expected, first 'x' in row 4: give numbers"],
    }


def test_only_the_columns_that_are_wanted_are_read_from_parquet(tmp_path):
    file = written(PEOPLE, tmp_path / "in.parquet")
    work = FilePrediction.of(served(), file, ["id"])

    _, frame, copied = next(iter(work.pieces(10)))

    assert (list(frame.columns), copied.column_names) == (["age", "pay"], ["id"])
    assert work.ignored == ("mood",)
