"""Sources of an installed package, `tests/packages/shop`."""

import pytest

from bakeoff.domain.errors import InvalidInputError
from bakeoff.evaluation.datasets.sources.read_dataset import dataset_files, read_dataset
from bakeoff.settings.configuration import load
from bakeoff.settings.setting_definitions import DatasetSettings

pytestmark = pytest.mark.usefixtures("shop")


def a_dataset(source, **keys):
    return DatasetSettings(source=source, **keys)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "a.csv").write_text("x,target\n1,no\n2,yes\n")
    (tmp_path / "parts" / "b.csv").write_text("x,target\n3,no\n")
    (tmp_path / "parts" / "c.txt").write_text("x,target\n4,yes\n")
    return tmp_path


def test_a_source_of_a_package_gives_one_frame_and_says_which_files_it_rests_on(root):
    dataset = a_dataset("parts", path="parts", dtypes={"target": "category"})
    found = read_dataset(dataset, root)

    assert found.frame["x"].tolist() == [1, 2, 3]
    assert found.frame.index.tolist() == [0, 1, 2]
    assert (found.target, str(found.frame["target"].dtype)) == ("target", "category")
    assert dataset_files(dataset, root) == (root / "parts" / "a.csv", root / "parts" / "b.csv")


def test_it_is_given_its_options(root):
    found = read_dataset(a_dataset("parts", path="parts", options={"pattern": "*.txt"}), root)

    assert found.frame["x"].tolist() == [4]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raising", "source 'raising' of the package shop-doors 1.2 raised LookupError: no such cupboard"),
        (
            "listing",
            (
                "source 'listing' of the package shop-doors 1.2 returned list, expected a pandas DataFrame "
                "with the target as a column"
            ),
        ),
        (
            "unfinished",
            (
                "source 'unfinished' of the package shop-doors 1.2 has no function files: see "
                "bakeoff.evaluation.datasets.sources.installed_sources for what a source must have"
            ),
        ),
        (
            "absent",
            (
                "bakeoff.sources 'absent' of the package shop-doors 1.2 cannot be loaded from "
                "shop_doors.nowhere (ModuleNotFoundError: No module named 'shop_doors.nowhere'): "
                "mend the package, or uninstall it"
            ),
        ),
    ],
)
def test_a_source_that_breaks_its_contract_is_an_error_that_names_its_package(root, source, message):
    with pytest.raises(InvalidInputError) as caught:
        read_dataset(a_dataset(source), root)

    assert str(caught.value) == message
    assert len(read_dataset(a_dataset("parts", path="parts"), root).frame) == 3


def test_an_unknown_source_is_answered_with_those_there_are(tmp_path):
    file = tmp_path / "config" / "bakeoff.yaml"
    file.parent.mkdir()
    file.write_text("datasets: {flowers: {source: partz}}\n")
    with pytest.raises(InvalidInputError) as caught:
        load(file, environment={})

    assert str(caught.value) == (
        f"{file}, line 1: datasets.flowers.source is 'partz': no source has this name; did you mean "
        "'parts'?; there are 'csv', 'parquet', 'sql', 'pointer', 'sklearn', 'callable', "
        "'feedback_labels', 'absent', 'listing', 'parts', 'raising', 'unfinished'"
    )


def test_options_are_those_of_packages_alone():
    with pytest.raises(ValueError, match="a dataset of source csv has no options"):
        a_dataset("csv", path="a.csv", target="x", options={"pattern": "*"})
