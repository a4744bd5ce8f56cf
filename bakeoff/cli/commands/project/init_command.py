"""`bakeoff init`: create a small project that runs as it is, to start from."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bakeoff.cli.output import terminal
from bakeoff.domain.machine.own_packages_and_disk_space import SOURCES

_TEMPLATES = SOURCES / "bakeoff" / "cli" / "templates"

#: Where each template goes in the new project.
_FILES = {
    "bakeoff.yaml": Path("config/bakeoff.yaml"),
    "models.yaml": Path("config/models.yaml"),
    "my_model.py": Path("models/my_model.py"),
}
#: What runs write, such as the database, snapshots and logs, belongs in no repository.
_IGNORED = "data/\n"
_MOST_WORKERS = 10  #: what `evalWorkers` allows


def init(
    folder: Annotated[
        Path, typer.Argument(help="The folder of the project; it is created if it is not there.")
    ] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Create a project that runs as it is.

    It has settings, a catalog of candidates, and one candidate to edit. No file is overwritten.
    """
    _refuse_to_overwrite(folder)
    for template, place in _FILES.items():
        text = (_TEMPLATES / template).read_text(encoding="utf-8")
        _write(folder / place, text.replace("{{evalWorkers}}", str(_suitable_workers())))
    made = [folder / place for place in _FILES.values()]
    ignore = folder / ".gitignore"
    if not ignore.exists():  # a repository may have one, which says what its owner wants
        _write(ignore, _IGNORED)
        made.append(ignore)
    if as_json:
        terminal.write_json({"files": [str(file) for file in made]})
    else:
        _show_next_steps(folder, made)


def _suitable_workers() -> int:
    """An evaluation for each core that this process may use, within what the setting allows."""
    return max(1, min(len(os.sched_getaffinity(0)), _MOST_WORKERS))


def _refuse_to_overwrite(folder: Path) -> None:
    from bakeoff.domain.errors import InvalidInputError

    there = [str(folder / place) for place in _FILES.values() if (folder / place).exists()]
    if there:
        raise InvalidInputError(
            f"there is a project already, so nothing was written: {', '.join(there)}; "
            f"name another folder, `bakeoff init FOLDER`"
        )


def _write(file: Path, text: str) -> None:
    from bakeoff.domain.errors import InvalidInputError

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except OSError as exc:
        raise InvalidInputError(f"{file} cannot be written: {exc.strerror}; name a folder that can") from exc


def _show_next_steps(folder: Path, made: Sequence[Path]) -> None:
    from rich.text import Text

    go = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    terminal.show(
        terminal.out(),
        *(Text(f"made {file}") for file in made),
        Text(),
        Text.assemble("next:  ", (f"{go}bakeoff run", "bold"), "     a first bake-off, on a toy dataset"),
        Text.assemble(
            "       ", ("bakeoff show --errors", "bold"), "  its leaderboard again, with all errors"
        ),
        Text.assemble(
            "       ",
            ("bakeoff datasets add NAME FILE --target COLUMN", "bold"),
            "  your own data, then `bakeoff run NAME`",
        ),
    )
