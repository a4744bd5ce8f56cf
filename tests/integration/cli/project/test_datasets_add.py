"""`bakeoff datasets add`: what is written, what is shown, and what is refused without writing anything."""

import json
from pathlib import Path

import pytest
from fixtures.projects.command_line import Project

HEAD = """# Our settings.
evalWorkers: 1  # a small machine

datasets:
  iris: {source: sklearn, name: iris}  # the flowers

# The end.
"""


@pytest.fixture
def customers(project: Project) -> Project:
    """A project with a file as a German spreadsheet writes it."""
    (project.root / "config" / "bakeoff.yaml").write_text(HEAD)
    rows = [f"{n};0{n % 90 + 1000};{n % 7},5;{'ja' if n % 7 > 3 else 'nein'}" for n in range(80)]
    (project.root / "kunden.csv").write_text("\n".join(["id;plz;umsatz;weg", *rows]), "utf-16")
    return project


def add(project: Project, *options: str) -> tuple[int, str, str]:
    said = project.bakeoff("datasets", "add", *options)
    return said.exit_code, said.stdout, said.stderr


def test_a_file_is_remembered_and_every_comment_stays(customers: Project) -> None:
    code, said, _ = add(
        customers,
        *("kunden", "kunden.csv", "--target", "weg", "--drop", "id"),
        *("--dtypes", "plz=str", "--positive-label", "ja"),
    )

    assert code == 0
    assert "target weg, binary; 60 rows to train, 20 to test" in said
    assert "string: plz" in said
    assert "float64: umsatz" in said
    assert (customers.root / "config" / "bakeoff.yaml").read_text() == HEAD.replace(
        "# the flowers\n",
        "# the flowers\n"
        "  kunden:\n"
        "    source: csv\n"
        "    path: kunden.csv\n"
        "    target: weg\n"
        "    drop: [id]\n"
        "    dtypes: {plz: str}\n"
        "    positiveLabel: ja\n",
    )
    checked = json.loads(customers.bakeoff("datasets", "check", "kunden", "--json").stdout)
    assert (checked["datasetName"], checked["target"], checked["columns"]) == ("kunden", "weg", 2)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("iris kunden.csv --target weg", "datasets.iris is there already"),
        ("kunden kunden.csv --target wge", "there is no column 'wge'; did you mean 'weg'?"),
        ("kunden kundn.csv --target weg", "there is no file kundn.csv"),
        ("kunden kunden.xlsx --target weg", "is no .csv or .parquet file: save or convert it as one"),
        ("kunden kunden.csv --target weg --positive-label yes", "the classes are ja, nein"),
        ("kunden kunden.csv --target weg --positive-label Ja", "did you mean 'ja'?"),
        ("kunden kunden.csv --target umsatz --positive-label ja", "positive label"),
        ("a/b kunden.csv --target weg", "'a/b' is no name of a dataset"),
        ("kunden kunden.csv --target weg --dtypes plz=strng", "strng"),
        ("kunden kunden.csv --target weg --group gruppe", "gruppe"),
    ],
)
def test_what_would_not_load_is_refused_and_nothing_is_written(
    customers: Project, options: str, says: str
) -> None:
    code, _, said = add(customers, *options.split())

    assert code == 2
    assert says in said
    config = customers.root / "config"
    assert (config / "bakeoff.yaml").read_text() == HEAD
    assert [file.name for file in config.iterdir() if file.name.startswith(".")] == []


def test_a_file_elsewhere_is_named_by_its_whole_path(
    customers: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "k.csv"
    elsewhere.write_bytes((customers.root / "kunden.csv").read_bytes())

    added = json.loads(add(customers, "k", str(elsewhere), "--target", "weg", "--json")[1])

    assert Path(added["entry"]["path"]) == elsewhere
    assert [one["name"] for one in added["features"]] == ["id", "plz", "umsatz"]
