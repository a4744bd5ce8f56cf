"""`bakeoff report`: a run as one file, for those who were not there and for programs that decide by it."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile
from bakeoff.operations.judging.strict_and_fail_on_gates import FailOn, VerdictGate

if TYPE_CHECKING:
    from bakeoff.web.reports.report_contents import ReportContents


class ReportFormat(StrEnum):
    HTML = "html"
    MD = "md"
    JSON = "json"


_SUFFIXES = {".html": "html", ".htm": "html", ".md": "md", ".markdown": "md", ".json": "json"}
_STDOUT = "-"


def report(  # noqa: PLR0917 - one parameter for each option
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Run id or its first characters, name, or `latest`.")
    ] = "latest",
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where to write it; `-` is standard output.  [dim]\\[default: report-RUN.html, else `-`]",
            show_default=False,
        ),
    ] = None,
    form: Annotated[
        ReportFormat | None,
        typer.Option(
            "--format",
            help="How to write it.  [dim]\\[default: by the end of FILE, else html]",
            show_default=False,
        ),
    ] = None,
    fail_on: Annotated[
        list[FailOn] | None,
        typer.Option(
            "--fail-on",
            help="Exit with 1 if the candidate to take is shown to be worse than Production, or is not shown "
            "to be better, or if a finding of high severity is open.  Can be repeated.",
        ),
    ] = None,
    candidate: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help="Ask --fail-on about this one.  [dim]\\[default: the one to take]"
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Beside this candidate.  [dim]\\[default: Production]"),
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Write a run as one file: HTML, Markdown or JSON.

    It has the verdict, the leaderboard, charts, and how the run was made.

    HTML loads nothing and can be mailed and printed.  Markdown is for pull requests.
    """
    from bakeoff.operations.judging.judge_ended_runs import wait_for_verdict
    from bakeoff.store.bakeoffs import run_rows
    from bakeoff.store.bakeoffs.results import verdict_rows
    from bakeoff.web.reports.report_contents import read_contents

    if (candidate or against) and not fail_on:
        raise typer.BadParameter("--candidate and --against are for --fail-on: give it, too")
    _refuse_no_place(output)  # before anything is judged and drawn
    context = project_access.open_project(config)
    engine = project_access.database(context)
    run_id = run_rows.find(engine, run)
    wait_for_verdict(context, run_id)
    contents = read_contents(context, run_id)
    chosen = form or _form_of(output)
    _write(
        _text(contents, chosen),
        output or (f"report-{run_id[:8]}.html" if chosen is ReportFormat.HTML else _STDOUT),
    )
    if fail_on:
        gate = VerdictGate(conditions=fail_on, candidate=candidate, against=against)
        title = run_rows.get(engine, run_id).title
        for note in gate.check(verdict_rows.of_run(engine, run_id), run=title):
            terminal.err().print(f"passed: {note}", markup=False, highlight=False, soft_wrap=True)


def _refuse_no_place(output: str | None) -> None:
    from bakeoff.domain.errors import InvalidInputError

    if output is None or output == _STDOUT:
        return
    target = Path(output)
    if target.is_dir():
        raise InvalidInputError(f"{target} is a folder: name a file in it")
    if target.exists() and not target.is_file():  # a device, which root would replace by a file
        raise InvalidInputError(
            f"{target} is no file that could be written: name another one, or `-` for standard output"
        )
    if not target.parent.is_dir():
        raise InvalidInputError(f"there is no folder {target.parent}: make it, or write elsewhere")


def _form_of(output: str | None) -> ReportFormat:
    if output is None or output == _STDOUT:
        return ReportFormat.HTML
    suffix = Path(output).suffix.lower()
    if suffix not in _SUFFIXES:
        raise typer.BadParameter(
            f"--output {output} ends neither in .html nor in .md nor in .json: say which with --format"
        )
    return ReportFormat(_SUFFIXES[suffix])


def _text(contents: "ReportContents", form: ReportFormat) -> str:
    if form is ReportFormat.JSON:
        import json

        return json.dumps(contents.to_record(), indent=2, ensure_ascii=False) + "\n"
    if form is ReportFormat.MD:
        from bakeoff.web.reports.markdown_report import markdown_report

        return markdown_report(contents)
    from bakeoff.web.reports.html_report import html_report

    return html_report(contents)


def _write(text: str, output: str) -> None:
    """A reader of the file finds the earlier report or the whole new one."""
    if output == _STDOUT:
        sys.stdout.write(text)
        return
    target = Path(output).resolve()  # a link goes on to lead to the file
    part = target.with_name(f"{target.name}.part")
    try:
        part.write_text(text, "utf-8")
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    terminal.err().print(f"{output}: {len(text.encode()) / 1000:,.0f} kB", markup=False, highlight=False)
