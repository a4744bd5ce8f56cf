import datetime as dt
import json
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from fixtures.values.frames import frames
from hypothesis import given

from bakeoff.domain.errors import InvalidInputError
from registry.columns.signature import ColumnSpec, ColumnType, Signature, as_frame, infer_signature

DAY = dt.date(2026, 11, 20)


def spec_of(values, dtype) -> ColumnSpec:
    return infer_signature(pd.DataFrame({"c": pd.Series(values, dtype=dtype)})).inputs[0]


@pytest.mark.parametrize(
    ("values", "dtype", "kind"),
    [
        ([True, False], "bool", "boolean"),
        ([True, None], "boolean", "boolean"),
        ([True, None], "object", "boolean"),
        ([1, 2], "int8", "integer"),
        ([1, 2], "uint64", "integer"),
        ([1, None], "Int64", "integer"),
        ([1, None], "object", "integer"),
        ([1, None], None, "float"),
        ([1.5, None], "float32", "float"),
        ([1.5, None], "Float64", "float"),
        ([1, 2.5], "object", "float"),
        ([Decimal("1.5"), None], "object", "float"),
        ([1.5], "double[pyarrow]", "float"),
        (["2026-11-20", None], "datetime64[us]", "datetime"),
        (["2026-11-20", None], "datetime64[ns, Europe/Berlin]", "datetime"),
        ([DAY, None], "object", "datetime"),
        (["a", None], "str", "text"),
        (["a", None], "string", "text"),
        (["a", None], "object", "text"),
        (["a", None], "category", "category"),
        ([None, None], "object", "any"),
        (["a", 1], "object", "any"),
        ([b"a"], "object", "any"),
        ([1], "timedelta64[ns]", "any"),
        ([1j], "complex128", "any"),
    ],
)
def test_a_column_is_what_its_values_are(values, dtype, kind):
    assert spec_of(values, dtype).type == kind


@pytest.mark.parametrize(("values", "optional"), [([1.0, 2.0], False), ([1.0, None], True)])
def test_a_column_is_optional_where_values_were_missing(values, optional):
    assert spec_of(values, "float64").optional is optional


def test_a_category_keeps_its_labels_their_order_and_their_type():
    sizes = pd.CategoricalDtype(["s", "m", "l"], ordered=True)

    assert spec_of(["m", "s"], sizes) == ColumnSpec(
        name="c",
        type=ColumnType.CATEGORY,
        of=ColumnType.TEXT,
        categories=("s", "m", "l"),
        ordered=True,
    )


@pytest.mark.parametrize(("labels", "kept"), [(1000, True), (1001, False)])
def test_the_labels_of_a_column_of_more_than_a_thousand_are_not_kept(labels, kept):
    spec = spec_of(list(range(labels)), "category")

    assert (spec.type, spec.of, spec.categories is not None) == ("category", "integer", kept)


def test_a_date_keeps_its_zone():
    assert spec_of(["2026-11-20"], "datetime64[us, Europe/Berlin]").zone == "Europe/Berlin"
    assert spec_of(["2026-11-20"], "datetime64[us]").zone is None


@pytest.mark.parametrize(
    ("X", "names", "container"),
    [
        (pd.DataFrame({"a": [1], "b": [2]}), ("a", "b"), "frame"),
        ([{"a": 1, "b": 2}], ("a", "b"), "frame"),
        ({"a": [1], "b": [2]}, ("a", "b"), "frame"),
        (pd.DataFrame([[1, 2]]), ("0", "1"), "numbered"),
        (pd.DataFrame([[1, 2]], columns=[7, 8]), ("7", "8"), "numbered"),
        (np.zeros((1, 2)), ("0", "1"), "array"),
        ([[1, 2]], ("0", "1"), "array"),
    ],
)
def test_a_signature_says_what_the_model_was_fitted_on(X, names, container):
    signature = infer_signature(X)

    assert (signature.names, signature.container) == (names, container)


@pytest.mark.parametrize(
    ("predictions", "probabilities", "outputs"),
    [
        ([1, 0], None, [("prediction", "integer")]),
        (np.array(["yes", "no"]), [0.75, 0.25], [("prediction", "text"), ("probability", "float")]),
        ([[0.5, 0.5]], None, [("prediction_0", "float"), ("prediction_1", "float")]),
        (None, None, []),
    ],
)
def test_a_signature_says_what_the_model_answers(predictions, probabilities, outputs):
    signature = infer_signature([{"a": 1}], predictions, probabilities)

    assert [(spec.name, str(spec.type)) for spec in signature.outputs] == outputs


def test_the_json_of_a_signature_names_what_is_not_as_usual():
    frame = pd.DataFrame({"age": [1, 2], "pay": [1.5, None], "size": pd.Categorical(["s", "m"])})

    assert infer_signature(frame, ["yes", "no"]).to_json() == {
        "inputs": [
            {"name": "age", "type": "integer"},
            {"name": "pay", "type": "float", "optional": True},
            {"name": "size", "type": "category", "of": "text", "categories": ["m", "s"]},
        ],
        "outputs": [{"name": "prediction", "type": "text"}],
        "container": "frame",
    }


@given(frames())
def test_a_signature_survives_json(frame):
    signature = infer_signature(frame)

    assert Signature.from_json(json.loads(json.dumps(signature.to_json(), allow_nan=False))) == signature


@pytest.mark.parametrize(
    "data",
    [
        {},
        [],
        None,
        {"inputs": 1, "outputs": []},
        {"inputs": [{"name": "a"}], "outputs": []},
        {"inputs": [{"name": "a", "type": "number"}], "outputs": []},
        {"inputs": [{"name": 1, "type": "text"}], "outputs": []},
        {"inputs": [{"name": "a", "type": "text", "optional": "yes"}], "outputs": []},
        {"inputs": [{"name": "a", "type": "text", "colour": "red"}], "outputs": []},
        {"inputs": [{"name": "a", "type": "category", "categories": [[]]}], "outputs": []},
        {"inputs": [], "outputs": [], "container": "barrel"},
    ],
)
def test_what_is_no_signature_is_refused(data):
    with pytest.raises(InvalidInputError, match="this is no signature of a model: "):
        Signature.from_json(data)


@pytest.mark.parametrize(
    ("X", "found"),
    [
        (5, "int"),
        ("abc", "str"),
        ([1, 2], "list"),
        (["a"], "list"),
        ({"a": 1}, "dict"),
        (np.zeros(3), "1-dimensional ndarray"),
        (np.zeros((2, 2, 2)), "3-dimensional ndarray"),
        (pd.Series([1]), "1-dimensional Series"),
    ],
)
def test_what_has_no_rows_and_columns_is_refused(X, found):
    with pytest.raises(
        InvalidInputError, match=f"expected rows and columns, got a {found}: give a DataFrame"
    ):
        as_frame(X)


def test_columns_of_the_same_name_are_refused():
    with pytest.raises(InvalidInputError, match="there are columns of the same name: 1; rename them"):
        as_frame(pd.DataFrame([[1, 2]], columns=[1, "1"]))


def test_what_a_cell_needs_loads_neither_the_database_nor_pydantic():
    program = (
        "import sys, registry.columns.signature, registry.columns.input_example\n"
        "print(sorted({'sqlalchemy', 'pydantic', 'celery', 'sklearn'} & set(sys.modules)))\n"
        "X = [{'a': 1}]\n"
        "from registry.columns.signature import infer_signature\n"
        "print(registry.columns.input_example.example_to_json(X), infer_signature(X).names)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert ran.stdout == "[]\n{'columns': ['a'], 'dtypes': ['int64'], 'data': [[1]]} ('a',)\n", ran.stderr


def test_frames_of_others_are_taken_by_way_of_arrow():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    for X in (pl.DataFrame(frame), pa.table(frame)):
        assert infer_signature(X) == infer_signature(frame)
        pd.testing.assert_frame_equal(as_frame(X), frame)
