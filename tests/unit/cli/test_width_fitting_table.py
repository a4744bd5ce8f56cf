"""Tables of the terminal: columns go as a whole, names are never cut, and sentences take what is left."""

import io
from collections.abc import Sequence

import pytest
from rich.console import Console, RenderableType
from rich.text import Text

from bakeoff.cli.output.width_fitting_table import ALWAYS, FittingColumn, fitted

WIDTHS = (60, 80, 120, 160)
NAME = "customers_of_the_north"
SENTENCE = "gradient boosting on trees, with early stopping and a learning rate of one tenth"


def _printed(parts: Sequence[RenderableType], width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(*parts, sep="\n")
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue().splitlines()


def _columns(*, wraps: bool) -> list[FittingColumn]:
    def column(name: str, text: str, keep: int) -> FittingColumn:
        return FittingColumn(name=name, cells=[Text(text)], justify="left", keep=keep)

    sentence = FittingColumn(
        name="about", cells=[Text(SENTENCE)], justify="left", keep=2, least=20, wraps=wraps
    )
    return [
        column("name", NAME, ALWAYS),
        column("from", "a_package.of_mine.with_a_name:Estimator", 1),
        sentence,
        column("state", "completed", ALWAYS),
    ]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("wraps", [True, False])
def test_names_and_states_are_whole_at_every_width(width: int, *, wraps: bool) -> None:
    printed = _printed(fitted(_columns(wraps=wraps), width, elsewhere="--json"), width)

    assert NAME in printed[1]
    assert any("completed" in line for line in printed)
    assert max(map(len, printed)) <= width


def test_a_sentence_takes_the_room_that_is_left_and_goes_on_in_the_next_line() -> None:
    printed = _printed(fitted(_columns(wraps=True), 80, elsewhere="--json"), 80)

    assert printed[0].split() == ["name", "about", "state"]
    assert all(any(word in line for line in printed) for word in SENTENCE.split())
    assert printed[-1] == "no room for from (--json has them)"


def test_a_sentence_that_does_not_wrap_is_cut_and_not_its_neighbours() -> None:
    printed = _printed(fitted(_columns(wraps=False), 80, elsewhere="--json"), 80)

    assert printed[1].rstrip().endswith("…  completed")


def test_a_sentence_goes_where_too_little_is_left() -> None:
    printed = _printed(fitted(_columns(wraps=True), 40, elsewhere="--json"), 40)

    assert printed[0].split() == ["name", "state"]
