"""Writes docs/reference/commands.md: what `--help` says of each command. `make docs` calls it."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from bakeoff.cli.main import app

_HEAD = """# Commands

What `--help` says of each command; `make docs` writes this page.

The exit code is 0 when the command did what it says, 1 when a gate or a check failed, 2 for bad usage, 3 when
a run finished with failures, was cancelled, or has nobody with a score by the metric that ranks, and 4 when
the infrastructure failed (broker, database, disk).
"""

_WIDTH = 100


def commands_page() -> str:
    root: Any = typer.main.get_command(app)
    context = _context(root, "bakeoff", None)
    sections = [_section(root, context)]
    for name in root.list_commands(context):
        _, command, _ = root.resolve_command(context, [name])
        sections += _sections(command, _context(command, name, context))
    return _HEAD + "".join(sections)


def _context(command: Any, name: str, parent: Any) -> Any:
    return command.context_class(command, info_name=name, parent=parent, terminal_width=_WIDTH)


def _sections(command: Any, context: Any) -> Iterator[str]:
    yield _section(command, context)
    for name, inside in sorted(getattr(command, "commands", {}).items()):
        if not inside.hidden:
            yield from _sections(inside, _context(inside, name, context))


def _section(command: Any, context: Any) -> str:
    command.rich_markup_mode = None  # plain text instead of boxes
    text = re.sub(r"\[/?dim\]|\\(?=\[)|[ \t]+$", "", command.get_help(context), flags=re.MULTILINE)
    return f"\n## {context.command_path}\n\n```text\n{text.strip()}\n```\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(commands_page(), "utf-8")
