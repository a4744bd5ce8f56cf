import json
import math
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path

import pytest

from benchmarks.verdicts import __main__ as command_line
from benchmarks.verdicts.rate_tables import Figure, Table, mean, share


@cache
def printed_by(*arguments: str) -> list[str]:
    """What a command prints, with three runs of each case."""
    with redirect_stdout(StringIO()) as output:
        command_line.main([*arguments, "--runs", "3"])
    return output.getvalue().splitlines()


def rows_of(lines: list[str], title: str) -> dict[str, list[str]]:
    """The cells of each case of one table."""
    start = next(place for place, line in enumerate(lines) if line.startswith(title))
    table = [line.split("   ") for line in lines[start + 2 : lines.index("", start)]]
    return {case.strip(): [cell.strip() for cell in cells if cell.strip()] for case, *cells in table}


@pytest.mark.parametrize(
    ("command", "title", "cases"),
    [
        (
            "coverage",
            "Runs whose 95 % interval holds the true value",
            ["accuracy, near-perfect", "recall, 5 % positive", "rmse, t3 errors"],
        ),
        ("coverage", "The same of accuracy", ["20 groups of 50", "200 groups of 5", "weights from 0 to 1"]),
        (
            "claims",
            "10 equal candidates",
            ["accuracy, n=1000, rho 0.3", "accuracy, n=1000, rho 0.6", "accuracy, n=1000, rho 0.9"],
        ),
        ("claims", "One of 10 is better", ["one +2 points, n=5000, rho 0.9"]),
        ("winner", "The winner's score", ["equal, 5 candidates", "equal, 50 candidates"]),
        ("rows", "Smallest difference", ["100 test rows", "50,000 test rows"]),
    ],
)
def test_a_command_prints_a_row_for_each_case(command: str, title: str, cases: list[str]) -> None:
    rows = rows_of(printed_by(command), title)

    assert [case for case in cases if case not in rows] == []
    assert [case for case, cells in rows.items() if not cells] == []


def test_the_same_seed_prints_the_same_and_another_one_does_not() -> None:
    first, other = (rows_of(printed_by("coverage", "--seed", seed), "Rows that") for seed in ("1", "2"))
    printed_by.cache_clear()
    again = rows_of(printed_by("coverage", "--seed", "1"), "Rows that")

    assert first == again
    assert first != other


def test_the_figures_are_written_as_json_too(tmp_path: Path) -> None:
    printed_by("rows", "--json", str(tmp_path / "out" / "rows.json"))
    figures = json.loads((tmp_path / "out" / "rows.json").read_text())
    found = {(figure["case"], figure["column"]): figure["value"] for figure in figures}

    # The studentised range of two and of ten, 1.960 and 3.164, with 0.842 for 80 %, on sqrt(0.08 / 5000).
    assert found["5,000 test rows", "2 candidates"] == pytest.approx(1.121, abs=0.001)
    assert found["5,000 test rows", "10 candidates"] == pytest.approx(1.602, abs=0.001)


def test_a_share_has_the_error_of_a_binomial_one() -> None:
    found = share("a case", "a column", [True] * 10 + [False] * 90)

    assert (found.value, found.runs) == (10.0, 100)
    assert found.error == pytest.approx(3.0)


def test_what_never_happened_has_an_error_too() -> None:
    found = share("a case", "a column", [False] * 98)

    assert found.value == 0
    assert found.error == pytest.approx(100 * math.sqrt(0.01 * 0.99 / 98))


def test_a_mean_has_its_standard_error() -> None:
    found = mean("a case", "a column", [1.0, 2.0, 3.0, 4.0], scale=100)

    assert found.value == 250
    assert found.error == pytest.approx(100 * math.sqrt(5 / 3) / 2)


def test_a_table_has_its_columns_one_below_the_other() -> None:
    figures = [
        Figure(case="one", column="a", value=1.25, error=0.5, runs=7),
        Figure(case="another", column="a", value=math.nan, error=0, runs=7),
        Figure(case="another", column="b", value=100, error=0, runs=7),
    ]

    assert Table(title="Title", figures=figures).text().splitlines() == [
        "Title",
        "                 a       b   runs",
        "one       1.2 ±0.5              7",
        "another          -   100.0      7",
    ]


def test_a_case_prints_the_same_alone_as_among_others() -> None:
    all_cases = rows_of(printed_by("coverage"), "Rows that")
    alone = rows_of(printed_by("coverage", "--only", "t3 errors"), "Rows that")

    assert list(alone) == ["mae, t3 errors", "rmse, t3 errors"]
    assert alone == {case: all_cases[case] for case in alone}
