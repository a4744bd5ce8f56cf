"""A progress bar for rows of a file: shown on a terminal only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from bakeoff.cli.output import terminal


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:,.0f} rows/s", "dim")


class _Count(ProgressColumn):
    def render(self, task: Task) -> Text:
        of_all = "" if task.total is None else f" of {task.total:,.0f}"
        return Text(f"{task.completed:,.0f}{of_all} rows", "bold")


@contextmanager
def rows_done(doing: str, total: int | None, *, hidden: bool = False) -> Iterator[Callable[[int], None]]:
    """Yields a function, to be called with the number of rows done. The bar disappears at the end."""
    console = terminal.err()
    if hidden or not console.is_terminal:
        yield lambda _: None
        return
    columns = (TextColumn(doing), BarColumn(), _Count(), _Speed(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda rows: bar.update(task, completed=rows)
