"""Writing to people and to programs: colours and frames on a terminal, plain lines elsewhere."""

import json
import logging
import sys
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console, RenderableType

#: Wider than any line: what goes into a file or a pipe is never cut or wrapped.
_ENDLESS = 100_000


@cache
def _console(stream: TextIO) -> "Console":
    from rich.console import Console

    console = Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=False)
    if not console.is_terminal:
        console.width = _ENDLESS
    return console


def out() -> "Console":
    return _console(sys.stdout)


def err() -> "Console":
    return _console(sys.stderr)


def show(console: "Console", *parts: "RenderableType") -> None:
    """As it is on a terminal; elsewhere without the blanks that fill lines up."""
    if console.is_terminal:
        console.print(*parts, sep="\n")
        return
    with console.capture() as captured:
        console.print(*parts, sep="\n")
    lines = [line.rstrip() for line in captured.get().split("\n")]
    console.file.write("\n".join(lines))


@contextmanager
def busy(console: "Console", doing: str) -> "Iterator[None]":
    """Says what takes a while: with something that turns on a terminal, which then goes away."""
    if console.is_terminal:
        with console.status(doing):
            yield
        return
    console.print(doing)
    console.file.flush()
    yield


@contextmanager
def measured(console: "Console", doing: str) -> "Iterator[Callable[[int, int], None]]":
    """Says what takes a while, and on a terminal how far it is: to be told what is done, and of how much."""
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
    """What a service says of itself to people; where nobody looks on, it is a line of its log."""
    if err().is_terminal:
        err().print(text, soft_wrap=True)
    else:
        logging.getLogger(__name__).info("%s", text)


def write_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def clean(text: str) -> str:
    """What strangers wrote, without characters that would steer the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "    " if c == "\t" else "�" for c in text)
