"""A comparison of results as people read it: the verdict, scores, differences, and rows of disagreement."""

from typing import TYPE_CHECKING, Any, Literal

from rich.table import Table
from rich.text import Text

from bakeoff.cli.output.number_format import NOTHING, decimals, fixed
from bakeoff.cli.output.runs.run_header import grid
from bakeoff.cli.output.runs.verdict_view import (
    STANDING_STYLES,
    detail_lines,
    interval_texts,
    sentence_text,
    whiskers,
)
from bakeoff.cli.output.terminal import clean
from bakeoff.domain.metric_names_and_scoring_rules import short_name
from bakeoff.domain.runs.verdict import PairDifference, Standing
from bakeoff.domain.wording import counted
from bakeoff.operations.comparing.compare_results import ResultComparison

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console, RenderableType

    from bakeoff.evaluation.reports.disagreements import DisagreedRow
    from bakeoff.operations.comparing.comparability import ComparedResult

_DIM = "dim"
_GAP = 2
_PAIR = 2
_LEAST_P = 0.001
_LEAST_FEATURES = 20  #: columns: with less room than that they are left out
_MOST_DIGITS = 6  #: of a predicted or a true number, and of a feature

#: Columns that hold names.
_CANDIDATE, _NAMES, _SHOWN = "candidate", "difference", "shown"

Column = tuple[str, Literal["left", "right"]]


def comparison_lines(comparison: ResultComparison, console: "Console") -> "list[RenderableType]":
    lines = _verdict(comparison)
    lines += [Text(), *_scores(comparison), Text(), *_differences(comparison)]
    if comparison.disagreements is not None:
        lines += [Text(), Text(comparison.disagreements.sentence)]
        lines += _rows(comparison, console.width)
    said = [*comparison.notes, comparison.why_no_rows]
    return [*lines, *(Text(clean(note), _DIM) for note in said if note)]


def _verdict(comparison: ResultComparison) -> "list[RenderableType]":
    verdict, within = comparison.verdict, comparison.within
    margin = [Text(within.sentence, "bold" if within.is_shown else "")] if within else []
    return [
        sentence_text(verdict),
        *margin,
        *detail_lines(verdict),
        Text(),
        _what_is_compared(comparison),
    ]


def _what_is_compared(comparison: ResultComparison) -> "RenderableType":
    dataset = comparison.results[0].run.dataset
    count = comparison.verdict.rows or dataset.test_rows
    rows = f"{count:,} test rows of {clean(dataset.name)}, split {dataset.split_id[:12]}"
    return grid([("compared", _origins(comparison.results)), ("on", Text(rows))])


def _origins(results: "Sequence[ComparedResult]") -> Text:
    """A line for each, or one if they are called like the candidates of one run."""
    run = results[0].run
    if all(one.run.id == run.id and one.name == one.result.model_id for one in results):
        return Text.assemble((f"{len(results)} candidates", "bold"), clean(f" of run {run.title}"))
    longest = max(len(clean(one.name)) for one in results)
    return Text("\n").join(
        Text.assemble((clean(one.name).ljust(longest), "bold"), clean(f"  {_origin(one)}")) for one in results
    )


def _origin(one: "ComparedResult") -> str:
    saved = f", saved as {one.version.uri} ({one.version.stage})" if one.version else ""
    return f"{one.origin}{saved}"


def _scores(comparison: ResultComparison) -> "Iterable[RenderableType]":
    """One block of rows per metric, drawn on the scale of that metric."""
    table = _table(
        ("metric", "left"), (_CANDIDATE, "left"), ("value", "right"), ("95 %", "right"), ("", "left")
    )
    few = False
    for metric in comparison.metrics:
        values = [one.result.metrics.get(metric) for one in comparison.results]
        intervals = [one.result.intervals.get(metric) for one in comparison.results]
        few = few or any(known and known.rests_on is not None for known in intervals)
        drawn = whiskers(values, intervals, aside=[False] * len(values))
        places = decimals(values)
        for place, (one, value, interval) in enumerate(
            zip(comparison.results, values, interval_texts(intervals), strict=True)
        ):
            table.add_row(
                _metric(metric, comparison) if place == 0 else Text(),
                Text(clean(one.name), _style(one, metric, comparison)),
                Text(fixed(value, places), "bold" if metric == comparison.metrics[0] else ""),
                interval,
                drawn[place],
            )
    yield table
    if few:
        yield Text("* rests on few rows: read the interval with care", _DIM)


def _differences(comparison: ResultComparison) -> "Iterable[RenderableType]":
    table = _table(
        ("metric", "left"),
        (_NAMES, "left"),
        ("", "right"),
        ("95 %", "right"),
        ("p", "right"),
        (_SHOWN, "left"),
    )
    for metric in comparison.metrics:
        pairs = comparison.pairs(metric)
        places = decimals([pair.difference for pair in pairs])
        for place, pair in enumerate(pairs):
            table.add_row(
                _metric(metric, comparison) if place == 0 else Text(),
                Text(f"{clean(pair.a)} - {clean(pair.b)}"),
                Text(_signed(pair.difference, places), "bold" if pair.better else ""),
                Text(_between(pair, places), _DIM),
                Text(_p_value(pair)),
                _shown(pair),
            )
    yield table
    if len(comparison.results) > _PAIR:
        yield Text("the intervals and p-values of a metric hold for all its pairs at once", _DIM)
    others = [metric for metric in comparison.metrics if metric != comparison.ranking]
    if others:
        yield Text(f"by {', '.join(map(short_name, others))}: not corrected across metrics", _DIM)


def _shown(pair: PairDifference) -> Text:
    if pair.better is not None:
        return Text(f"{clean(pair.better)} is better", "green")
    if pair.low is None:
        return Text("too few rows to tell" if pair.n_eff else "cannot be told", _DIM)
    return Text("the same" if pair.low == pair.high == 0 else "nothing", _DIM)


def _p_value(pair: PairDifference) -> str:
    if pair.low is None:
        return NOTHING
    return f"<{_LEAST_P}" if pair.p_value < _LEAST_P else f"{pair.p_value:.3f}"


def _between(pair: PairDifference, places: int) -> str:
    if pair.low is None or pair.high is None:
        return NOTHING
    return f"{_signed(pair.low, places)} to {_signed(pair.high, places)}"


def _signed(value: float, places: int) -> str:
    return "0" if value == 0 else f"{value:+.{places}f}"


def _rows(comparison: ResultComparison, width: int) -> "Iterable[RenderableType]":
    if not comparison.rows or comparison.disagreements is None:
        return
    names = [one.name for one in comparison.results]
    header = [Text(name, "bold") for name in ("row", "true", *map(clean, names))]
    cells = [
        [Text(f"{row.row:,}", _DIM), Text(_value(row.true)), *(_answer(name, row) for name in names)]
        for row in comparison.rows
    ]
    taken = sum(max(cell.cell_len for cell in column) + _GAP for column in zip(header, *cells, strict=True))
    has_room = width - taken >= _LEAST_FEATURES
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="")
    for place, name in enumerate(header):
        table.add_column(name, justify="left" if place else "right", overflow="fold")
    if has_room:
        table.add_column(Text("features", "bold"), no_wrap=True)
    for row, told in zip(comparison.rows, cells, strict=True):
        features = Text(_features(row), _DIM)
        features.truncate(width - taken, overflow="ellipsis")
        table.add_row(*told, *([features] if has_room else []))
    yield Text()
    yield table
    if not has_room:
        yield Text("no room for features (--json has them)", _DIM)
    differing = comparison.disagreements.differing
    if hidden := differing - len(comparison.rows):
        yield Text(
            f"and {counted(hidden, 'more row')} on which they disagree: --top {differing} shows all", _DIM
        )


def _answer(name: str, row: "DisagreedRow") -> Text:
    predicted = row.predictions[name]
    told = Text(_value(predicted), "green" if predicted == row.true else "")
    if (sure := row.probabilities.get(name)) is not None:
        told.append(f" {sure:.2f}", _DIM)
    return told


def _features(row: "DisagreedRow") -> str:
    return ", ".join(f"{clean(name)} {_value(value)}" for name, value in row.features.items())


def _value(value: Any) -> str:
    if value is None:
        return NOTHING
    return f"{value:.{_MOST_DIGITS}g}" if isinstance(value, float) else clean(str(value))


def _metric(metric: str, comparison: ResultComparison) -> Text:
    return Text(short_name(metric), "underline" if metric == comparison.ranking else "")


def _style(one: "ComparedResult", metric: str, comparison: ResultComparison) -> str:
    standings = comparison.verdicts[metric].standings
    return STANDING_STYLES[standings.get(one.name, Standing.INSUFFICIENT)]


def _table(*columns: Column) -> Table:
    """On a narrow terminal names are broken, and numbers never."""
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for name, justify in columns:
        may_break = name in {_NAMES, _SHOWN, _CANDIDATE}
        table.add_column(Text(name), justify=justify, no_wrap=not may_break, overflow="fold")
    return table
