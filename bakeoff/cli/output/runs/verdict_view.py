"""The verdict of a run as people read it: the sentence, the bands, and intervals with whiskers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from bakeoff.cli.output.number_format import bounds, decimals, explodes_at
from bakeoff.cli.output.states_and_findings import finding_lines
from bakeoff.domain.finding import Finding
from bakeoff.domain.runs.verdict import Interval, RunVerdict, Standing
from bakeoff.domain.runs.verdict_facts_in_words import verdict_facts

if TYPE_CHECKING:
    from rich.console import RenderableType

#: Columns of a whisker.
WHISKER = 15
_DIM = "dim"

STANDING_STYLES = {
    Standing.BEST: "bold green",
    Standing.TIED: "bold",
    Standing.EQUIVALENT: "bold",
    Standing.WORSE: "",
    Standing.STOPPED: "dim",
    Standing.INSUFFICIENT: "",
}


def verdict_lines(verdict: RunVerdict, *, told: Sequence[Finding] = ()) -> "list[RenderableType]":
    """The sentence, and below it what a reader should know of it. `told`: findings that were shown before."""
    return [Text(), sentence_text(verdict), *detail_lines(verdict, told=told)]


def sentence_text(verdict: RunVerdict) -> Text:
    return Text(verdict.sentence, "bold" if verdict.best else "")


def detail_lines(verdict: RunVerdict, *, told: Sequence[Finding] = ()) -> list[Text]:
    notes = finding_lines([finding for finding in verdict.findings if finding not in told])
    return [*(Text(line, _DIM) for line in verdict_facts(verdict.to_record())), *notes]


def place_of(candidate: str, rank: int, verdict: RunVerdict | None) -> str:
    """The band, such as `1-4`: candidates of one band cannot be told apart. Without a verdict, the rank.

    The baseline competes with nobody, and has no place.
    """
    if verdict is None:
        return str(rank)
    first, last = verdict.bands.get(candidate, (0, 0))
    return "" if not first else str(first) if first == last else f"{first}-{last}"


def interval_texts(intervals: Sequence[Interval | None]) -> list[Text]:
    """The intervals as text, with a star where one rests on few rows."""
    places = decimals([bound for one in intervals if one for bound in (one.low, one.high)])
    places = max(0, places - 1)  # a bound is known less surely than the value
    return [
        Text("")
        if one is None
        else Text.assemble(
            (bounds(one.low, one.high, places), _DIM),
            ("*" if one.rests_on is not None else " ", "yellow"),
        )
        for one in intervals
    ]


def whiskers(
    values: Sequence[float | None], intervals: Sequence[Interval | None], *, aside: Sequence[bool]
) -> list[Text]:
    """The intervals drawn on one scale, which spans those of all rows that are not `aside`.

    The dummy baseline is aside, and so is a value that has exploded: on a scale that includes it, all others
    would look alike. An interval outside the scale is shown as `<` or `>`.
    """
    limit = explodes_at(values)
    drawn = [
        (value, one)
        for value, one, left_out in zip(values, intervals, aside, strict=True)
        if value is not None and one is not None and not left_out and abs(value) < limit
    ]
    if not drawn:
        return [Text("") for _ in values]
    low = min(min(value, one.low) for value, one in drawn)
    high = max(max(value, one.high) for value, one in drawn)
    span = (high - low) or 1.0

    def place(x: float) -> int:
        return min(max(round((x - low) / span * (WHISKER - 1)), 0), WHISKER - 1)

    def draw(value: float, one: Interval) -> Text:
        cells = [" "] * WHISKER
        if one.high < low or one.low > high:
            cells[0 if one.high < low else -1] = "<" if one.high < low else ">"
            return Text("".join(cells), _DIM)
        first, last = place(one.low), place(one.high)
        cells[first : last + 1] = "─" * (last - first + 1)
        if last > first:
            cells[first], cells[last] = "├", "┤"
        cells[place(value)] = "●"
        return Text("".join(cells), "cyan")

    return [
        Text("") if value is None or one is None else draw(value, one)
        for value, one in zip(values, intervals, strict=True)
    ]
