"""The section `suites` of the configuration."""

from pathlib import Path

import pytest
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel

from bakeoff.domain.errors import InvalidInputError
from bakeoff.evaluation.planning.declared_run_options import RunSpec
from bakeoff.evaluation.planning.split_design_request import DesignRequest
from bakeoff.settings.configuration import load
from bakeoff.settings.schedule_and_suite_settings import SuiteDesignSettings, SuiteSettings

DATASETS = "datasets: {iris: {source: sklearn, name: iris}, wine: {source: sklearn, name: wine}}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    return tmp_path / "config" / "bakeoff.yaml"


def suites(file: Path, text: str) -> dict[str, SuiteSettings]:
    file.write_text(DATASETS + text)
    return load(file, environment={}).settings.suites


@pytest.mark.parametrize(
    ("suite", "said"),
    [
        ("{datasets: [iris]}", "suites.toys.datasets is ['iris']: a suite needs 2 datasets at least"),
        ("{datasets: []}", "suites.toys.datasets is []: a suite needs 2 datasets at least"),
        ("{datasets: [iris, iris]}", "'iris' stands in it twice: each dataset counts once"),
        (
            "{datasets: [iris, wines]}",
            "suites.toys.datasets has 'wines', which is none of `datasets`; did you",
        ),
        ("{datasets: [iris, wine], modls: [a]}", "suites.toys.modls is no setting: did you mean models?"),
        (
            "{datasets: [iris, wine], design: {fold: 3}}",
            "suites.toys.design.fold is no setting: did you mean",
        ),
        ("{datasets: [iris, wine], design: {folds: 0}}", "suites.toys.design.folds is 0: input should be"),
    ],
)
def test_a_suite_that_cannot_be_run_is_refused_with_what_is_wrong(file: Path, suite: str, said: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        suites(file, f"suites: {{toys: {suite}}}")

    assert said in str(refused.value)


def test_a_name_that_is_no_name_is_refused(file: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"suites has the name 'a b': use up to 100 letters"):
        suites(file, "suites: {a b: {datasets: [iris, wine]}}")


def test_a_suite_says_what_all_its_runs_need(file: Path) -> None:
    text = "suites: {toys: {datasets: [iris, wine], models: [knn], design: {folds: 5}, metrics: [f1_macro]}}"

    found = suites(file, text)["toys"]
    assert (found.datasets, found.models, found.metrics) == (["iris", "wine"], ["knn"], ["f1_macro"])
    assert found.design is not None
    assert found.design.folds == 5


@pytest.mark.parametrize(
    ("settings", "body"), [(SuiteSettings, RunSpec), (SuiteDesignSettings, DesignRequest)]
)
def test_the_options_of_a_suite_are_those_of_any_run(
    settings: type[BaseModel], body: type[BaseModel]
) -> None:
    shared = (settings.model_fields.keys() & body.model_fields.keys()) - {"design"}

    def bounds(model: type[BaseModel], name: str) -> list[object]:
        return [one for one in model.model_fields[name].metadata if isinstance(one, (Ge, Gt, Le, Lt))]

    assert settings.model_fields.keys() - shared <= {"datasets", "design"}
    assert {name: bounds(settings, name) for name in shared} == {name: bounds(body, name) for name in shared}
