"""`bakeoff predict`: predict the rows of a file with a trained model."""

import signal
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.output.number_format import duration
from bakeoff.cli.project_access import ConfigFile
from bakeoff.domain.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from bakeoff.inference.predict_file import FilePrediction
    from registry.columns.compare_data_with_signature import SignatureComparison

_CHECK_FAILED = 1
_KILLED = 128  #: plus the number of the signal, the exit code that shells use
_BATCH_SIZE = 10_000


def predict(  # noqa: PLR0917 - one parameter for each option
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            show_default=False,
            help="NAME/VERSION, an id, or a URI such as models:/NAME/Production or models:/NAME@ALIAS.",
        ),
    ],
    source: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT",
            show_default=False,
            help="A .csv, .tsv or .parquet file with one row per prediction.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="OUTPUT",
            show_default=False,
            help="A .csv, .parquet or .jsonl file; without it, CSV on standard output.",
        ),
    ] = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Add probabilities (or scores) to the predictions.")
    ] = False,
    ids: Annotated[
        list[str] | None,
        typer.Option(
            "--id", metavar="COLUMN", show_default=False, help="Copy this column to the output; repeatable."
        ),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many rows are in memory at a time.")
    ] = _BATCH_SIZE,
    check: Annotated[
        bool,
        typer.Option("--check", help="Only check that the input fits the model. Exit code 1: it does not."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A summary as JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Predict the rows of a file with a trained model.

    The output file is written whole or not at all, and all rows are predicted by one version of the model.
    """
    from bakeoff.domain.errors import InvalidInputError

    if as_json and output is None and not check:
        raise InvalidInputError(
            "--json and the predictions would both go to standard output: name a file with -o"
        )
    work = _prediction_of(model, source, ids or [], config)
    if check:
        _check(work, batch_size, as_json=as_json)
    else:
        _predict(work, output, batch_size, probabilities=probabilities, as_json=as_json)


def _prediction_of(model: str, source: Path, ids: "Sequence[str]", config: Path | None) -> "FilePrediction":
    from bakeoff.evaluation.datasets.sources.csv_and_parquet_sources import located
    from bakeoff.inference.loaded_version import LoadedVersion
    from bakeoff.inference.predict_file import FilePrediction

    context = project_access.open_project(config)
    configuration = context.configuration
    registry = project_access.registry(configuration)
    file = located(str(source), Path.cwd())
    return FilePrediction.of(LoadedVersion.of(registry.load(model)), file, ids)


def _predict(
    work: "FilePrediction", output: Path | None, batch_size: int, *, probabilities: bool, as_json: bool
) -> None:
    from bakeoff.cli.output.file_progress import rows_done
    from bakeoff.inference.predict_file import predict_file

    began = time.monotonic()
    with _sigterm_raises(), rows_done("predicting", work.source.rows, hidden=output is None) as progress:
        rows = predict_file(
            work, output, probabilities=probabilities, batch_size=batch_size, progress=progress
        )
    seconds = time.monotonic() - began
    if as_json:
        terminal.write_json(_record(work, rows) | {"output": str(output), "seconds": round(seconds, 3)})
        return
    console, where = (terminal.err(), "") if output is None else (terminal.out(), f": {output}")
    speed = f"{counted(round(rows / seconds), 'row')}/s"
    console.print(
        f"{counted(rows, 'row')} by {work.loaded.version.uri} in {duration(seconds)}, {speed}{where}"
    )


@contextmanager
def _sigterm_raises() -> "Iterator[None]":
    """SIGTERM raises, as Ctrl-C does: so the half-written output is removed."""
    before = signal.signal(signal.SIGTERM, _exit_killed)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit_killed(number: int, _frame: object) -> None:
    raise SystemExit(_KILLED + number)


def _check(work: "FilePrediction", batch_size: int, *, as_json: bool) -> None:
    from bakeoff.cli.output.file_progress import rows_done
    from bakeoff.inference.predict_file import check_file

    with rows_done("checking", work.source.rows) as progress:
        comparison, rows = check_file(work, batch_size=batch_size, progress=progress)
    if as_json:
        found = {_camel(key): value for key, value in comparison.to_record().items()}
        terminal.write_json(_record(work, rows) | found)
    else:
        terminal.show(terminal.out(), *_check_report(work, comparison, rows))
    if not comparison.valid:
        raise typer.Exit(_CHECK_FAILED)


def _check_report(
    work: "FilePrediction", comparison: "SignatureComparison", rows: int
) -> "Iterator[RenderableType]":
    from rich.text import Text

    from bakeoff.domain.wording import listed

    fit, do_not_fit = ("fits", "does not fit") if rows == 1 else ("fit", "do not fit")
    verdict = fit if comparison.valid else do_not_fit
    yield Text(f"{counted(rows, 'row')} of {work.source.path} {verdict} {work.loaded.version.uri}")
    for problem in comparison.problems:
        yield Text.assemble(("✗ ", "bold red"), terminal.clean(problem))
    notes = {
        "extra columns, which are ignored": comparison.extra,
        "columns with missing values that had none in training": comparison.gaps,
    }
    for note, names in notes.items():
        if names:
            yield Text(f"  {note}: {terminal.clean(listed(names))}", "dim")
    if comparison.reordered:
        yield Text("  the columns are reordered as the model expects", "dim")


def _record(work: "FilePrediction", rows: int) -> dict[str, Any]:
    version = work.loaded.version
    return {
        "model": version.uri,
        "modelId": version.id,
        "version": version.version,
        "input": str(work.source.path),
        "rows": rows,
    }


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.title, others))
