import pytest

from bakeoff.domain.candidate import Candidate
from registry.catalog.candidate_entry_points import declared


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Puts a distribution on the path as an installer would leave it, without its code."""

    def install(name, version, lines):
        site = tmp_path / name
        info = site / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text("[bakeoff.models]\n" + "\n".join(lines))
        monkeypatch.syspath_prepend(str(site))

    return install


def test_an_entry_point_is_a_candidate_with_the_version_of_its_distribution(installed):
    installed("zoo", "3.2.1", ["tab-net = zoo.model:TabNet", "ant=zoo:Ant"])

    assert declared() == (
        (
            Candidate(id="ant", version="3.2.1", path="zoo:Ant"),
            Candidate(id="tab-net", version="3.2.1", path="zoo.model:TabNet"),
        ),
        (),
    )


def test_the_code_of_a_package_is_not_imported_to_find_its_entry_points(installed, tmp_path):
    installed("zoo", "1.0", ["ant = zoo:Ant"])
    (tmp_path / "zoo" / "zoo.py").write_text("raise SystemExit")

    assert [c.id for c in declared()[0]] == ["ant"]


@pytest.mark.parametrize(
    ("line", "candidate_id", "cause", "fix"),
    [
        (
            "a b = zoo:Ant",
            "a b",
            "the entry point 'a b' of zoo has a name that is no id",
            "use letters, digits, `.`, `_` and `-`",
        ),
        (
            "ant = zoo",
            "ant",
            "the entry point 'ant' of zoo names no class: 'zoo'",
            "write `package.module:Class`",
        ),
        (
            "ant = zoo:Ant.Inner",
            "ant",
            "the entry point 'ant' of zoo names no class: 'zoo:Ant.Inner'",
            "write `package.module:Class`",
        ),
    ],
)
def test_an_entry_point_that_is_no_class_is_rejected_and_the_others_stay(
    installed, line, candidate_id, cause, fix
):
    installed("zoo", "1.0", [line, "bee = zoo:Bee"])
    candidates, [rejection] = declared()

    assert [c.id for c in candidates] == ["bee"]
    assert (rejection.id, rejection.version) == (candidate_id, "1.0")
    assert (rejection.cause, rejection.fix) == (cause, fix)


def test_of_two_distributions_with_one_name_the_first_on_the_path_wins(installed):
    installed("zoo", "1.0", ["ant = zoo:Ant"])
    installed("farm", "2.0", ["ant = farm:Ant"])

    assert declared()[0] == (Candidate(id="ant", version="2.0", path="farm:Ant"),)
