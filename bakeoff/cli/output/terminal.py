"""Output for people and for programs: colours and tables on a terminal, plain lines in a file or pipe."""

import json
import logging
import os
import sys
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console, RenderableType

#: Wider than any line, so that nothing is cut or wrapped in a file or a pipe.
_ENDLESS = 100_000


@cache
def _console(stream: TextIO) -> "Console":
    from rich.console import Console

    console = Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=False)
    if not console.is_terminal:
        console.width = _ENDLESS
    return console


#: A forked child may write into a file where its parent writes to a terminal.
os.register_at_fork(after_in_child=_console.cache_clear)


def out() -> "Console":
    return _console(sys.stdout)


def err() -> "Console":
    return _console(sys.stderr)


def show(console: "Console", *parts: "RenderableType") -> None:
    """Prints the parts. In a file or pipe, lines have no blanks at their ends."""
    if console.is_terminal:
        console.print(*parts, sep="\n")
        return
    with console.capture() as captured:
        console.print(*parts, sep="\n")
    lines = [line.rstrip() for line in captured.get().split("\n")]
    console.file.write("\n".join(lines))


@contextmanager
def busy(console: "Console", doing: str) -> "Iterator[None]":
    """Says what is being done; on a terminal with a spinner that disappears at the end."""
    if console.is_terminal:
        with console.status(doing):
            yield
        return
    console.print(doing)
    console.file.flush()
    yield


@contextmanager
def measured(console: "Console", doing: str) -> "Iterator[Callable[[int, int], None]]":
    """Says what is being done; on a terminal with a bar. Yields a function to call with (done, total)."""
    if not console.is_terminal:
        console.print(doing)
        console.file.flush()
        yield lambda _done, _total: None
        return
    from rich.progress import Progress

    with Progress(console=console, transient=True) as bars:
        bar = bars.add_task(doing, total=None)
        yield lambda done, total: bars.update(bar, completed=done, total=total)


def announce(text: str) -> None:
    """A message of a service: printed on a terminal, and logged where there is none."""
    if err().is_terminal:
        err().print(text, soft_wrap=True)
    else:
        logging.getLogger(__name__).info("%s", text)


def write_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def clean(text: str) -> str:
    """Text of plugins and users without control characters, which could change the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "    " if c == "\t" else "�" for c in text)
