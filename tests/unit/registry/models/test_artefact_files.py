"""Whatever a model is called, its files stay in the registry's folder and belong to it alone."""

import re
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.domain.model_version import VersionNumber
from registry.models.local.artefact_files import file_of, folder_of, preprocessor_beside

_NAMES = st.text(min_size=1, max_size=200)
_NUMBERS = st.integers(0, 99)
_VERSIONS = st.builds(VersionNumber, _NUMBERS, _NUMBERS, _NUMBERS)
_HOSTILE = [
    "..",
    "../../etc/passwd",
    "/etc/passwd",
    "C:\\Windows",
    "a/../../b",
    "a\x00b",
    ".hidden",
    "-rf",
    "churn.",
    "x" * 200,
    "名前" * 100,
    "\u202e",
    "~",
    "churn~" + "0" * 32,
]


@pytest.mark.parametrize(
    ("name", "folder"), [("churn", "churn"), ("model_a-2.classifier", "model_a-2.classifier"), ("7", "7")]
)
def test_a_plain_name_is_its_folder(name, folder):
    assert folder_of(name) == folder


def test_any_other_name_is_made_readable_and_told_apart():
    assert re.fullmatch(r"Churn-2024~[0-9a-f]{32}", folder_of("Churn 2024"))
    assert re.fullmatch(r"model~[0-9a-f]{32}", folder_of("名前"))


@given(_NAMES | st.sampled_from(_HOSTILE), _NAMES | st.sampled_from(_HOSTILE), _VERSIONS)
def test_no_name_leaves_the_folder_of_the_registry(name, type_, version):
    for part in (folder_of(name), file_of(type_, version)):
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.~-]*", part)
        assert part[-1] != "."
        assert len(part) <= 128
        assert PurePosixPath(part).parts == PureWindowsPath(part).parts == (part,)
    assert (Path("/r") / folder_of(name) / file_of(type_, version)).resolve().is_relative_to("/r")


@given(_NAMES, st.data())
def test_no_two_names_share_a_folder_even_where_case_is_ignored(name, data):
    near = st.sampled_from(
        [name.upper(), name.lower(), name.swapcase(), f"{name} ", f"{name}.", folder_of(name)]
    )
    other = data.draw(_NAMES | near)

    assert (folder_of(name).casefold() == folder_of(other).casefold()) is (name == other)


@given(_NAMES, _NAMES, _VERSIONS, _VERSIONS)
def test_no_two_versions_of_a_name_share_a_file(one_type, other_type, one, other):
    files = {file_of(one_type, one).casefold(), file_of(other_type, other).casefold()}

    assert one == other or len(files) == 2


@given(_NAMES, _NAMES, _VERSIONS, _VERSIONS)
def test_a_preprocessor_is_beside_its_model_and_in_nobodys_place(one_type, other_type, one, other):
    beside = preprocessor_beside(Path(file_of(one_type, one)))

    assert beside != file_of(other_type, other)
    assert beside.endswith(".preprocessor.pkl")


def test_a_file_is_named_by_type_and_version():
    assert file_of("RandomForest", VersionNumber(1, 0, 10)) == "RandomForest_1_0_10.pkl"
    assert preprocessor_beside(Path("RandomForest_1_0_10.pkl")) == "RandomForest_1_0_10.preprocessor.pkl"
