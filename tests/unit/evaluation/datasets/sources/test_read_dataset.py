import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bakeoff.domain.errors import InvalidInputError
from bakeoff.evaluation.datasets.convert_to_declared_dtypes import convert
from bakeoff.evaluation.datasets.sources.read_dataset import dataset_files, read_dataset
from bakeoff.settings.setting_definitions import DatasetSettings

ROWS = "a,b,y\n1,x,0\n2,z,1\n3,x,0\n"


def dataset(**keys: Any) -> DatasetSettings:
    return DatasetSettings(**{"target": "y", **keys})


def csv(folder: Path, text: str = ROWS, **keys: Any) -> pd.DataFrame:
    (folder / "d.csv").write_text(text)
    return read_dataset(dataset(source="csv", path="d.csv", **keys), folder).frame


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "data.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("create table t (a integer, b text, y integer)")
    connection.executemany("insert into t values (?, ?, ?)", [(1, "x", 0), (2, None, 1), (None, "x", 0)])
    connection.commit()
    connection.close()
    return path


def test_a_csv_file_is_read_relative_to_the_root(tmp_path):
    assert csv(tmp_path)["b"].tolist() == ["x", "z", "x"]


def test_a_tsv_file_is_split_at_tabs(tmp_path):
    (tmp_path / "d.tsv").write_text("a\ty\n1,5\t0\n")
    assert read_dataset(dataset(source="csv", path="d.tsv"), tmp_path).frame["a"].tolist() == ["1,5"]


def test_dtypes_hold_for_a_csv_file(tmp_path):
    text = "i,s,f,c,t,k,y\n1,007,1,u,2026-01-31,true,0\n2,008,2,v,2026-02-01,false,1\n"
    types = {"i": "int8", "s": "string", "f": "float32", "c": "category", "t": "datetime", "k": "bool"}
    frame = csv(tmp_path, text, dtypes=types)
    assert frame["s"].tolist() == ["007", "008"]
    assert frame["k"].tolist() == [True, False]
    assert [str(frame[name].dtype) for name in "isfck"] == ["int8", "str", "float32", "category", "bool"]
    assert frame["t"].dt.day.tolist() == [31, 1]


@pytest.mark.parametrize(
    ("text", "dtype", "says"),
    [
        ("a,y\n1,0\nten,1\n", "int64", "column 'a' cannot be read as int64: row 2 is 'ten'"),
        ("a,y\n1,0\n2,0\n,1\n", "int64", "column 'a' cannot be read as int64: row 3 is missing"),
        ("a,y\n1,0\n2.5,1\n", "int32", "column 'a' cannot be read as int32: row 2 is '2.5'"),
        ("a,y\n300,0\n", "int8", "column 'a' cannot be read as int8: row 1 is '300'"),
        ("a,y\ntrue,0\nmaybe,1\n", "bool", "column 'a' cannot be read as bool: row 2 is 'maybe'"),
        ("a,y\n2026-01-01,0\nsoon,1\n", "datetime", "column 'a' cannot be read as datetime: row 2 is 'soon'"),
    ],
)
def test_a_value_that_is_not_of_its_type_is_named_with_its_row(tmp_path, text, dtype, says):
    with pytest.raises(InvalidInputError, match=says):
        csv(tmp_path, text, dtypes={"a": dtype})


@pytest.mark.parametrize(
    ("dates", "dtype", "read"),
    [
        (["08.01.2024", "13.01.2024"], "datetime", ["2024-01-08", "2024-01-13"]),
        (["01/08/2024", "01/13/2024"], "datetime", ["2024-01-08", "2024-01-13"]),
        (["08.01.2024", "09.01.2024"], "datetime:%d.%m.%Y", ["2024-01-08", "2024-01-09"]),
        (["08.01.2024", "09.01.2024"], "datetime:%m.%d.%Y", ["2024-08-01", "2024-09-01"]),
        (["2024-01-08", "2024-01-09"], "date", ["2024-01-08", "2024-01-09"]),
    ],
)
def test_dates_begin_with_the_day_or_the_month_as_they_show_or_as_is_said(tmp_path, dates, dtype, read):
    text = "d,y\n" + "".join(f"{date},0\n" for date in dates)
    assert csv(tmp_path, text, dtypes={"d": dtype})["d"].dt.strftime("%Y-%m-%d").tolist() == read


def test_dates_that_may_begin_with_either_are_refused(tmp_path):
    says = "column 'd' holds dates such as '08.01.2024', which may begin with the day or with the month"
    with pytest.raises(InvalidInputError, match=says):
        csv(tmp_path, "d,y\n08.01.2024,0\n09.02.2024,1\n", dtypes={"d": "datetime"})


def test_a_value_that_is_no_date_is_named_where_others_begin_with_the_day(tmp_path):
    with pytest.raises(InvalidInputError, match=r"column 'd' cannot be read as datetime: row 2 is 'soon'$"):
        csv(tmp_path, "d,y\n13.01.2024,0\nsoon,1\n", dtypes={"d": "datetime"})


def test_dates_of_rows_that_share_a_label_are_converted():
    dates = pd.DataFrame({"d": ["08.01.2024", "09.01.2024"]}, index=["a", "a"])

    with pytest.raises(InvalidInputError, match=r"holds dates such as '08\.01\.2024'"):
        convert(dates, {"d": "datetime"})


def test_an_unknown_type_is_named_with_the_nearest(tmp_path):
    with pytest.raises(
        InvalidInputError, match=r"column 'a': 'itn64' is not a column type; did you mean 'int64'"
    ):
        csv(tmp_path, dtypes={"a": "itn64"})


def test_a_type_of_an_unknown_column_is_named_with_the_columns(tmp_path):
    with pytest.raises(
        InvalidInputError, match=r"column 'aa' .*did you mean 'a'\?; its columns: 'a', 'b', 'y'"
    ):
        csv(tmp_path, dtypes={"aa": "int64"})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty: expected a line of column names"),
        ("a,y\n1,2\n1,2,3\n", "line 3 has 3 values and those above have 2: put a value"),
        ("a,y,a\n1,2,3\n", "columns of the same name: 'a'"),
    ],
)
def test_an_unreadable_csv_file_says_where(tmp_path, text, says):
    with pytest.raises(InvalidInputError, match=says):
        csv(tmp_path, text)


@pytest.mark.parametrize("end", [",", ",7"])
def test_a_csv_file_whose_rows_have_more_values_than_names_is_refused_and_never_read_shifted(tmp_path, end):
    rows = "".join(f"{number},{number % 2}{end}\n" for number in range(1, 9))

    with pytest.raises(
        InvalidInputError, match=r"line 2 has 3 values and those above have 2: .*a separator that ends a line"
    ):
        csv(tmp_path, f"a,y\n{rows}")


def test_a_csv_file_that_is_not_utf8_says_so(tmp_path):
    (tmp_path / "d.csv").write_bytes("a,y\nö,1\n".encode("latin-1"))
    with pytest.raises(InvalidInputError, match="save it as UTF-8"):
        read_dataset(dataset(source="csv", path="d.csv"), tmp_path)


def test_a_missing_file_is_named_with_the_nearest_in_its_folder(tmp_path):
    (tmp_path / "sales.csv").touch()
    with pytest.raises(InvalidInputError, match=r"there is no file .*sale\.csv; did you mean 'sales\.csv'\?"):
        read_dataset(dataset(source="csv", path="sale.csv"), tmp_path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(InvalidInputError, match="its folder does not exist"):
        read_dataset(dataset(source="parquet", path="nowhere/sales.parquet"), tmp_path)


def test_of_a_parquet_file_only_the_chosen_columns_are_read(tmp_path):
    pd.DataFrame({"a": [1], "b": [2], "c": [3], "y": [0]}).to_parquet(tmp_path / "d.parquet")
    reading = read_dataset(dataset(source="parquet", path="d.parquet", features=["c", "a"]), tmp_path)
    assert list(reading.frame.columns) == ["c", "a", "y"]


def test_a_column_that_a_parquet_file_has_not_is_named(tmp_path):
    pd.DataFrame({"a": [1], "y": [0]}).to_parquet(tmp_path / "d.parquet")
    with pytest.raises(InvalidInputError, match=r"no column 'x' in .*its columns: 'a', 'y'"):
        read_dataset(dataset(source="parquet", path="d.parquet", features=["x"]), tmp_path)


def test_a_file_that_is_not_parquet_says_so(tmp_path):
    (tmp_path / "d.parquet").write_text(ROWS)
    with pytest.raises(InvalidInputError, match="cannot be read as Parquet"):
        read_dataset(dataset(source="parquet", path="d.parquet"), tmp_path)


def test_a_query_gives_its_rows_and_missing_values(tmp_path, database):
    settings = dataset(
        source="sql", url="sqlite:///data.sqlite", query="select * from t", dtypes={"y": "bool"}
    )
    frame = read_dataset(settings, tmp_path).frame
    assert frame["a"].isna().tolist() == [False, False, True]
    assert frame["b"].isna().tolist() == [False, True, False]
    assert frame["y"].tolist() == [False, True, False]


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_database_is_never_written_to(tmp_path, database, journal):
    connection = sqlite3.connect(database)
    connection.execute(f"pragma journal_mode = {journal}")
    connection.close()
    before = database.read_bytes()
    address = "sqlite:///data.sqlite"
    read_dataset(dataset(source="sql", url=address, query="select * from t"), tmp_path)
    with pytest.raises(InvalidInputError, match="readonly database"):
        read_dataset(dataset(source="sql", url=address, query="delete from t returning *"), tmp_path)
    assert database.read_bytes() == before


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("select * from u", "no such table: u; it reads: select \\* from u"),
        ("selekt 1", 'near "selekt": syntax error'),
        ("pragma user_version = 1", "failed"),
    ],
)
def test_a_bad_query_says_what_the_database_said(tmp_path, database, statement, says):
    with pytest.raises(InvalidInputError, match=says):
        read_dataset(dataset(source="sql", url="sqlite:///data.sqlite", query=statement), tmp_path)


def test_a_missing_database_is_not_created(tmp_path, database):
    with pytest.raises(InvalidInputError, match=r"dta\.sqlite; did you mean 'data\.sqlite'"):
        read_dataset(dataset(source="sql", url="sqlite:///dta.sqlite", query="select 1"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["data.sqlite"]


def test_a_name_with_question_mark_and_percent_is_a_file_name(tmp_path, database):
    database.rename(tmp_path / "a?b%20c.sqlite")
    (tmp_path / "active").write_text("a?b%20c.sqlite")
    settings = dataset(source="pointer", path="active", query="select count(*) as y from t")
    assert read_dataset(settings, tmp_path).frame["y"].tolist() == [3]


@pytest.mark.parametrize("url", ["not a url", "sqlite://", "sqlite:///:memory:"])
def test_a_url_that_names_no_database_is_refused(tmp_path, url):
    with pytest.raises(InvalidInputError, match=r"expected sqlite:///folder/file\.db"):
        read_dataset(dataset(source="sql", url=url, query="select 1"), tmp_path)


def test_a_password_is_not_part_of_an_error(tmp_path):
    url = "nodatabase://someone:s3cret@host/name"
    with pytest.raises(InvalidInputError) as caught:
        read_dataset(dataset(source="sql", url=url, query="select 1"), tmp_path)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    ["db/data.sqlite\n", json.dumps({"path": "db/data.sqlite"}), "version: 3\nactive: db/data.sqlite\n"],
)
def test_a_pointer_is_text_or_json_or_yaml_and_relative_to_itself(tmp_path, database, content):
    (tmp_path / "where" / "db").mkdir(parents=True)
    database.rename(tmp_path / "where" / "db" / "data.sqlite")
    (tmp_path / "where" / "active").write_text(content)
    settings = dataset(source="pointer", path="where/active", query="select y from t")
    assert read_dataset(settings, tmp_path).frame["y"].tolist() == [0, 1, 0]


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"name": "x"}'])
def test_a_pointer_that_names_nothing_says_what_it_should(tmp_path, content):
    (tmp_path / "active").write_text(content)
    with pytest.raises(
        InvalidInputError, match=r"names no SQLite file: .*'path', 'database', 'file', 'active'"
    ):
        read_dataset(dataset(source="pointer", path="active", query="select 1"), tmp_path)


def test_a_pointer_to_something_else_than_sqlite_says_so(tmp_path):
    (tmp_path / "active").write_text("d.csv")
    (tmp_path / "d.csv").write_text(ROWS * 100)
    with pytest.raises(InvalidInputError, match="file is not a database"):
        read_dataset(dataset(source="pointer", path="active", query="select * from t"), tmp_path)


@pytest.mark.parametrize(
    ("name", "rows"),
    [("breast_cancer", 569), ("iris", 150), ("wine", 178), ("digits", 1797), ("diabetes", 442)],
)
def test_a_toy_set_knows_its_target(tmp_path, name, rows):
    reading = read_dataset(DatasetSettings(source="sklearn", name=name), tmp_path)
    assert (reading.target, len(reading.frame)) == ("target", rows)


def test_toy_sets_keep_their_column_names(tmp_path):
    frame = read_dataset(DatasetSettings(source="sklearn", name="iris"), tmp_path).frame
    assert list(frame.columns)[:2] == ["sepal length (cm)", "sepal width (cm)"]


def test_an_unknown_toy_set_is_named_with_those_there_are(tmp_path):
    with pytest.raises(
        InvalidInputError, match=r"toy set 'irises'; did you mean 'iris'\?; there are 'breast_cancer'"
    ):
        read_dataset(DatasetSettings(source="sklearn", name="irises"), tmp_path)


@pytest.fixture
def function_module(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    name = f"dataset_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(
        "import sys\nimport pandas as pd\n"
        "def load(): return pd.DataFrame({'a': [1, 2], 'y': [0, 1]}, index=[5, 5])\n"
        "def broken(): raise KeyError('no such thing')\n"
        "def leaves(): sys.exit(3)\n"
        "def numbers(): return [1, 2]\n"
    )
    return name


def test_a_function_in_a_module_named_tasks_is_refused_for_what_it_is(tmp_path):
    (tmp_path / "tasks.py").write_text("def load(): ...\n")
    with pytest.raises(
        InvalidInputError, match=r"'tasks:load' is looked for in Bakeoff's own package `tasks`"
    ):
        read_dataset(dataset(source="callable", name="tasks:load"), tmp_path)


def test_a_function_is_found_below_the_root(tmp_path, function_module):
    frame = read_dataset(dataset(source="callable", name=f"{function_module}:load"), tmp_path).frame
    assert (frame["a"].tolist(), frame.index.tolist()) == ([1, 2], [0, 1])
    assert str(tmp_path) not in sys.path


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("broken", "raised KeyError: 'no such thing'"),
        ("leaves", "raised SystemExit: 3"),
        ("absent", "raised AttributeError"),
        ("numbers", "returned list, expected a pandas DataFrame"),
    ],
)
def test_a_function_that_fails_is_named_with_the_cause(tmp_path, function_module, function, says):
    with pytest.raises(InvalidInputError, match=says):
        read_dataset(dataset(source="callable", name=f"{function_module}:{function}"), tmp_path)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no_such_module:load", "raised ModuleNotFoundError"),
        ("just.a.name", r"expected package\.module:function"),
    ],
)
def test_a_name_that_is_no_function_is_refused(tmp_path, name, says):
    with pytest.raises(InvalidInputError, match=says):
        read_dataset(dataset(source="callable", name=name), tmp_path)


def test_test_rows_follow_the_training_rows_in_the_order_of_columns_of_the_first_file(tmp_path):
    (tmp_path / "test.csv").write_text("y,b,a\n1,q,9\n")
    (tmp_path / "d.csv").write_text(ROWS)
    reading = read_dataset(dataset(source="csv", path="d.csv", test_path="test.csv"), tmp_path)
    assert (reading.train_rows, reading.frame["a"].tolist()) == (3, [1, 2, 3, 9])
    assert list(reading.frame.columns) == ["a", "b", "y"]


def test_categories_of_two_files_stay_categories(tmp_path):
    (tmp_path / "test.csv").write_text("a,b,y\n9,q,1\n")
    (tmp_path / "d.csv").write_text(ROWS)
    settings = dataset(source="csv", path="d.csv", test_path="test.csv", dtypes={"b": "category"})
    assert str(read_dataset(settings, tmp_path).frame["b"].dtype) == "category"


def test_a_test_file_of_other_columns_is_refused_with_the_difference(tmp_path):
    (tmp_path / "test.csv").write_text("a,c,y\n9,q,1\n")
    with pytest.raises(
        InvalidInputError, match=r"test.csv differs in columns from d.csv: missing 'b', extra 'c'"
    ):
        csv(tmp_path, test_path="test.csv")


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"source": "sklearn", "name": "iris", "test_path": "t.csv"}, "goes with source csv or parquet"),
        (
            {"source": "csv", "path": "d.csv", "test_path": "t.csv", "split_column": "b"},
            "are given: keep one",
        ),
    ],
)
def test_a_test_file_that_does_not_fit_the_settings_is_refused(tmp_path, keys, says):
    (tmp_path / "d.csv").write_text(ROWS)
    with pytest.raises(InvalidInputError, match=says):
        read_dataset(dataset(**keys), tmp_path)


def test_the_files_behind_each_source_are_known(tmp_path, database):
    for name in ("d.csv", "test.csv"):
        (tmp_path / name).write_text(ROWS)
    (tmp_path / "active").write_text("data.sqlite")
    sqlite = {"data.sqlite", "data.sqlite-wal"}
    expected = [
        ({"source": "csv", "path": "d.csv", "test_path": "test.csv"}, {"d.csv", "test.csv"}),
        ({"source": "sql", "url": "sqlite:///data.sqlite", "query": "select 1"}, sqlite),
        ({"source": "pointer", "path": "active", "query": "select 1"}, {"active", *sqlite}),
        ({"source": "sql", "url": "postgresql://host/name", "query": "select 1"}, set()),
        ({"source": "sklearn", "name": "iris"}, set()),
    ]
    for keys, names in expected:
        assert set(dataset_files(dataset(**keys), tmp_path)) == {tmp_path.resolve() / name for name in names}


def test_a_wrong_name_in_our_own_market_is_refused_with_the_nearest(tmp_path: Path) -> None:
    dataset = DatasetSettings.model_validate(
        {"source": "callable", "name": "bakeoff.evaluation.market.synthetic_market:price", "target": "close"}
    )

    with pytest.raises(
        InvalidInputError, match=r"did you mean 'prices'\?; there are 'prices', 'fundamentals'"
    ):
        read_dataset(dataset, tmp_path)
