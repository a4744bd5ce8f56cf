import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bakeoff.domain.candidate import Learns
from bakeoff.domain.errors import InvalidInputError
from bakeoff.notebook.candidates.given_candidates import GivenCandidates, read_candidates


def no_code(thing: object) -> str:
    raise AssertionError(f"{thing} is not of this session")


def read(given: object) -> GivenCandidates:
    return read_candidates(given, no_code)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ([RandomForestClassifier(), Ridge()], ["RandomForestClassifier", "Ridge"]),
        (
            [RandomForestClassifier(n_estimators=n) for n in (10, 20)],
            ["RandomForestClassifier.n_estimators-10", "RandomForestClassifier.n_estimators-20"],
        ),
        ([Ridge(), Ridge(alpha=2.0)], ["Ridge", "Ridge.alpha-2.0"]),
        ([make_pipeline(StandardScaler(), LogisticRegression())], ["StandardScaler-LogisticRegression"]),
        ({"forest": RandomForestClassifier(), "linear": LogisticRegression}, ["forest", "linear"]),
        ([("forest", RandomForestClassifier()), "ridge"], ["forest", "ridge"]),
        (["sklearn.svm:SVC", Ridge], ["SVC", "Ridge"]),
        (Ridge(), ["Ridge"]),
        (iter([Ridge()]), ["Ridge"]),
        ({"linear": Ridge()}.values(), ["Ridge"]),
    ],
)
def test_candidates_have_names_that_a_reader_knows_again(given: object, names: list[str]) -> None:
    assert list(read(given).order) == names


def test_objects_of_installed_classes_need_no_check_and_classes_do() -> None:
    found = read([RandomForestClassifier(), LogisticRegression])
    assert [one.needs_check for one in found.own] == [False, True]


def test_what_an_object_learns_is_known_from_its_tags() -> None:
    found = read([RandomForestClassifier(), Ridge()])
    assert [one.candidate.learns for one in found.own] == [Learns.CLASSES, Learns.NUMBERS]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "no candidate is given"),
        ({Ridge()}, "the candidates are a set, which has no order: give a list"),
        (
            {"random forest": Ridge()},
            "'random forest' is no name for a candidate: .* such as 'random-forest'",
        ),
        ([StandardScaler()], r"StandardScaler is StandardScaler\(\), which has no method `predict`"),
        ({"dummy": Ridge()}, "a candidate is called 'dummy', which is the name of the baseline"),
        ([42], "int is 42, which has no method `fit`"),
        ([Ridge(), Ridge()], "two candidates are called 'Ridge': give a dict with a name for each"),
        ([("a", Ridge()), ("a", Ridge())], "two candidates are called 'a': give a dict"),
        ({"mine": "ridge"}, "'mine' is 'ridge', an id of the catalog, which keeps its name"),
    ],
)
def test_what_is_no_candidate_is_named_with_the_cure(given: object, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        read(given)
