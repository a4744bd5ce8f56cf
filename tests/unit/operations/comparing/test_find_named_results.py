"""What a word on the command line of `bakeoff compare` names."""

from dataclasses import dataclass, field
from dataclasses import replace as changed

import pytest
from fixtures.values.samples import NOON, a_candidate, a_job, a_run

from bakeoff.domain.errors import InvalidInputError, NotFoundError
from bakeoff.domain.model_version import ModelVersion
from bakeoff.operations.comparing.find_named_results import Reading, readings_of

SPRING = a_run(id="aaaa1111-0000-4000-8000-000000000000", name="spring")
AUTUMN = a_run(id="bbbb2222-0000-4000-8000-000000000000", name="autumn")
CHURN = ModelVersion(
    id=1,
    name="churn",
    type="Tree",
    version="1.0.0",
    serial=1,
    created_at=NOON,
    file_path="churn.pkl",
    digest="d" * 64,
    size_bytes=1,
)


@dataclass
class Shelf:
    """Runs, newest first, with the ids of their candidates; and versions, by what names them."""

    runs: dict = field(default_factory=dict)
    versions: dict = field(default_factory=dict)

    def __post_init__(self):
        self._all = {run.id: run for run in (SPRING, AUTUMN)}

    def newest_evaluation(self):
        return self._run(next(iter(self.runs), None))

    def run_named(self, name):
        known = [self._run(id_) for id_ in self.runs]
        return next((run for run in known if name in {run.name, "latest"}), None)

    def run_beginning(self, text):
        return next((self._run(id_) for id_ in self.runs if id_.startswith(text)), None)

    def jobs_of(self, run):
        return [
            a_job(run, place, candidate=a_candidate(id=id_)) for place, id_ in enumerate(self.runs[run.id])
        ]

    def version(self, identifier):
        return self.versions.get(identifier.removeprefix("models:/"))

    def has_model(self, name):
        return any(version.name == name for version in self.versions.values())

    def _run(self, id_):
        return self._all.get(id_)

    def rename(self, run, name):
        self._all[run.id] = changed(run, name=name)


@pytest.fixture
def shelf():
    versions = {"churn/1.0.0": CHURN, "churn/Production": CHURN, "churn@champion": CHURN}
    return Shelf({AUTUMN.id: ["tree", "forest"], SPRING.id: ["tree", "beech"]}, versions)


def meant(shelf, word, run=None):
    """Which kind of thing, and which one."""
    [reading] = readings_of([word], shelf, run=run)
    return kind_of(reading)


def kind_of(reading: Reading) -> tuple[str, ...]:
    if reading.version:
        return ("version", reading.version.uri)
    assert reading.run
    if reading.job:
        return ("candidate", reading.run.name, reading.job.candidate.id)
    return ("run", reading.run.name)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("tree", ("candidate", "autumn", "tree")),
        ("forest", ("candidate", "autumn", "forest")),
        ("spring", ("run", "spring")),
        ("latest", ("run", "autumn")),
        ("spring:tree", ("candidate", "spring", "tree")),
        ("latest:tree", ("candidate", "autumn", "tree")),
        ("aaaa1111:beech", ("candidate", "spring", "beech")),
        ("aaaa", ("run", "spring")),
        (SPRING.id, ("run", "spring")),
        ("models:/churn/1.0.0", ("version", "models:/churn/1.0.0")),
        ("models:/churn/Production", ("version", "models:/churn/1.0.0")),
        ("models:/churn@champion", ("version", "models:/churn/1.0.0")),
        ("churn/1.0.0", ("version", "models:/churn/1.0.0")),
        ("churn/Production", ("version", "models:/churn/1.0.0")),
        ("churn@champion", ("version", "models:/churn/1.0.0")),
    ],
)
def test_each_way_to_write_it_names_one_thing(shelf, word, expected):
    assert meant(shelf, word) == expected


def test_run_says_whose_candidates_plain_words_are(shelf):
    assert meant(shelf, "tree", run=SPRING) == ("candidate", "spring", "tree")
    assert meant(shelf, "autumn", run=SPRING) == ("run", "autumn")


def test_a_candidate_comes_before_the_beginning_of_an_id(shelf):
    shelf.runs[AUTUMN.id].append("aaaa")
    assert meant(shelf, "aaaa") == ("candidate", "autumn", "aaaa")


def test_a_word_that_is_a_candidate_and_a_run_is_refused_with_how_to_write_each(shelf):
    shelf.runs[AUTUMN.id].append("spring")

    with pytest.raises(InvalidInputError) as refused:
        meant(shelf, "spring")

    assert str(refused.value) == (
        "'spring' may mean the candidate spring of run autumn (bbbb2222) and the run spring (aaaa1111): "
        "write bbbb2222:spring for the candidate spring of run autumn (bbbb2222), "
        "aaaa1111 for the run spring (aaaa1111)"
    )
    assert meant(shelf, "bbbb2222:spring") == ("candidate", "autumn", "spring")
    assert meant(shelf, "aaaa1111") == ("run", "spring")


def test_with_a_run_given_a_candidate_of_it_is_in_no_doubt(shelf):
    shelf.runs[AUTUMN.id].append("spring")
    assert meant(shelf, "spring", run=AUTUMN) == ("candidate", "autumn", "spring")


def test_a_word_that_is_a_run_and_a_saved_version_is_refused(shelf):
    shelf.rename(SPRING, "churn/1.0.0")

    with pytest.raises(InvalidInputError, match=r"write aaaa1111 for the run .*, models:/churn/1\.0\.0 for"):
        meant(shelf, "churn/1.0.0")
    assert meant(shelf, "models:/churn/1.0.0") == ("version", "models:/churn/1.0.0")


def test_a_colon_may_also_be_in_the_name_of_a_run(shelf):
    shelf.rename(SPRING, "night:7")
    assert meant(shelf, "night:7") == ("run", "night:7")
    assert meant(shelf, "night:7:beech") == ("candidate", "night:7", "beech")


def test_a_word_that_is_nothing_is_told_what_there_is(shelf):
    with pytest.raises(NotFoundError) as refused:
        meant(shelf, "forrest")

    assert str(refused.value) == (
        "'forrest' is no candidate of run autumn (bbbb2222), which has 'tree', 'forest'; "
        "did you mean 'forest'?; and it is no run and no saved version: `bakeoff runs` and "
        "`bakeoff registry list` list them, and RUN:CANDIDATE is a candidate of another run"
    )


def test_a_candidate_that_its_run_has_not_is_told_which_ones_it_has(shelf):
    with pytest.raises(NotFoundError) as refused:
        meant(shelf, "spring:forest")
    assert str(refused.value) == "run spring (aaaa1111) has no candidate 'forest'; it has 'tree', 'beech'"


def test_the_bare_name_of_saved_models_is_told_how_to_name_one_of_them(shelf):
    with pytest.raises(NotFoundError, match="write models:/churn/Production, models:/churn/latest or"):
        meant(shelf, "churn")


def test_a_uri_that_names_nothing_is_no_candidate_either(shelf):
    with pytest.raises(NotFoundError, match=r"there is no saved version models:/churn/2\.0\.0"):
        meant(shelf, "models:/churn/2.0.0")


def test_without_any_run_a_version_can_still_be_named(shelf):
    shelf.runs.clear()
    assert meant(shelf, "churn/1.0.0") == ("version", "models:/churn/1.0.0")
    with pytest.raises(NotFoundError, match="'tree' is no candidate; and it is no run"):
        meant(shelf, "tree")
