import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.model_version import (
    ModelVersion,
    Promotion,
    Stage,
    VersionNumber,
    VersionOrigin,
    check_alias,
    check_name,
)

NOON = datetime(2026, 5, 4, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "stage"),
    [
        ("Production", "Production"),
        ("production", "Production"),
        ("STAGING", "Staging"),
        ("archived", "Archived"),
    ],
)
def test_a_stage_is_understood_in_any_case(typed, stage):
    assert str(Stage.parse(typed)) == stage


def test_what_is_no_stage_is_answered_with_those_there_are():
    with pytest.raises(InvalidInputError) as refused:
        Stage.parse("live")

    assert str(refused.value) == ("'live' is no stage: there are Development, Staging, Production, Archived")


@pytest.mark.parametrize(
    ("older", "newer"),
    [("1.0.9", "1.0.10"), ("1.9.0", "1.10.0"), ("9.0.0", "10.0.0"), ("1.2.3", "1.3.0"), ("0.0.0", "0.0.1")],
)
def test_versions_are_in_the_order_of_their_numbers(older, newer):
    assert VersionNumber.parse(older) < VersionNumber.parse(newer)


def test_the_next_version_is_one_patch_further():
    assert str(VersionNumber.parse("2.0.9").next) == "2.0.10"


@pytest.mark.parametrize(
    "malformed",
    [
        "",
        "1",
        "1.0",
        "1.0.0.0",
        "v1.0.0",
        "01.0.0",
        "1.0.-1",
        "1.0.0-rc1",
        " 1.0.0",
        "1.0.0\n",
        "٣.0.0",
        None,
        1.0,
    ],
)
def test_what_is_no_version_is_named_with_what_would_be_one(malformed):
    with pytest.raises(InvalidInputError) as refused:
        VersionNumber.parse(malformed)

    assert str(refused.value) == f"{malformed!r} is no version: expected major.minor.patch, such as 1.2.0"


@given(st.tuples(*[st.integers(0, 999_999_999)] * 3))
def test_a_version_survives_its_text(numbers):
    assert VersionNumber.parse(str(VersionNumber(*numbers))) == VersionNumber(*numbers)


@pytest.mark.parametrize("name", ["churn", " padded ", "a/b@c:d", "名前", "x" * 200, "..", "\x00"])
def test_any_text_is_a_name(name):
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", " \t\n", "x" * 201, "\ud800", None, 7])
def test_what_cannot_be_stored_or_shown_is_no_name(name):
    with pytest.raises(InvalidInputError, match="a model cannot be named"):
        check_name(name)


@pytest.mark.parametrize("alias", ["champion", "blue-green", "v1a", "a_1", "x" * 100, "Production"])
def test_letters_digits_and_dashes_are_an_alias(alias):
    assert check_alias(alias) == alias


@pytest.mark.parametrize("alias", ["", "latest", "3", "v3", "V12", "a/b", "a@b", "a b", "é", "x" * 101])
def test_what_a_uri_could_take_for_something_else_is_no_alias(alias):
    with pytest.raises(InvalidInputError, match="is no alias"):
        check_alias(alias)


def test_a_version_leaves_the_registry_as_a_row_of_plain_values():
    version = ModelVersion(
        id=7,
        name="churn",
        type="Tree",
        version="1.2.0",
        serial=3,
        created_at=NOON,
        stage=Stage.STAGING,
        aliases=("blue",),
        metrics={"f1": 0.5, "auc": None},
        hyperparameters={"depth": 3},
        tags={"team": "growth"},
        metadata={"author": "me"},
        description="who leaves",
        file_path="/r/models/churn/Tree_1_2_0.pkl",
        digest="a" * 64,
        size_bytes=10,
        libraries={"python": "3.11.7"},
        signature={"inputs": [], "outputs": []},
        feature_names=("age",),
        has_preprocessor=True,
        origin=VersionOrigin(
            run_id="r", evaluation_id="e", candidate_id="tree", dataset_id="d", split_id="s"
        ),
    )

    assert json.loads(json.dumps(version.to_row())) == {
        "model_id": 7,
        "model_name": "churn",
        "model_type": "Tree",
        "version": "1.2.0",
        "serial": 3,
        "uri": "models:/churn/1.2.0",
        "stage": "Staging",
        "aliases": ["blue"],
        "metrics": {"f1": 0.5, "auc": None},
        "hyperparameters": {"depth": 3},
        "tags": {"team": "growth"},
        "metadata": {"author": "me"},
        "description": "who leaves",
        "created_at": "2026-05-04T12:00:00.250Z",
        "file_path": "/r/models/churn/Tree_1_2_0.pkl",
        "digest": "a" * 64,
        "size_bytes": 10,
        "libraries": {"python": "3.11.7"},
        "signature": {"inputs": [], "outputs": []},
        "feature_names": ["age"],
        "has_preprocessor": True,
        "has_input_example": False,
        "run_id": "r",
        "evaluation_id": "e",
        "candidate_id": "tree",
        "dataset_id": "d",
        "split_id": "s",
    }


def test_a_promotion_leaves_the_system_in_camel_case():
    line = Promotion(
        model_name="churn",
        version="1.2.0",
        from_stage=Stage.STAGING,
        to_stage=Stage.PRODUCTION,
        at=NOON,
        by="ada",
        replaced="1.1.0",
        evidence={"metrics": {"f1": 0.5}},
    )

    assert json.loads(json.dumps(line.to_record())) == {
        "modelName": "churn",
        "version": "1.2.0",
        "fromStage": "Staging",
        "toStage": "Production",
        "at": "2026-05-04T12:00:00.250Z",
        "by": "ada",
        "reason": "",
        "replaced": "1.1.0",
        "evidence": {"metrics": {"f1": 0.5}},
    }
