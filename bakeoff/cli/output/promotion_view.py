"""How versions got from stage to stage, as people read it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bakeoff.cli.output.terminal import clean
from bakeoff.domain.model_version import Promotion, Stage
from bakeoff.domain.wording import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

STYLES: Mapping[Stage, str] = {
    Stage.DEVELOPMENT: "",
    Stage.STAGING: "yellow",
    Stage.PRODUCTION: "bold green",
    Stage.ARCHIVED: "dim",
}


def story(line: Promotion) -> Text:
    """What one line of the log says: what happened, by whom, and why."""
    if not line.moved:
        return _told(_hooks(line))
    return (
        change(line).append(f" by {clean(line.by)}").append(f": {clean(line.reason)}" if line.reason else "")
    )


def change(line: Promotion) -> Text:
    text = Text.assemble(f"{line.from_stage} → ", (line.to_stage, STYLES[line.to_stage]))
    if line.replaced:
        text.append(f", in place of {line.replaced}")
    for mark, word in (("rollback", "rolled back"), ("forced", "forced")):
        if line.evidence.get(mark):
            text.append(f", {word}", "yellow")
    return text


def _told(hooks: Sequence[Mapping[str, Any]]) -> Text:
    text = Text(f"told to {counted(len(hooks), 'hook')}")
    failed = [f"{said['hook']}: {said['reason']}" for said in hooks if not said["passed"]]
    return text.append(f", {len(failed)} failed: {clean('; '.join(failed))}", "yellow") if failed else text


def _hooks(line: Promotion) -> Sequence[Mapping[str, Any]]:
    hooks: Sequence[Mapping[str, Any]] = line.evidence.get("hooks", ())
    return hooks


def history(lines: Sequence[Promotion]) -> Table:
    found = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    found.add_column("when", no_wrap=True)
    found.add_column("model", no_wrap=True)
    found.add_column("what", overflow="fold")
    for line in lines:
        model = Text.assemble((clean(line.model_name), "bold"), f"/{line.version}")
        found.add_row(Text(local(line.at), "dim"), model, story(line))
    return found


def local(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def outcome(line: Promotion) -> "list[RenderableType]":
    """What a promotion that has just been made came to: gates and hooks, too."""
    name = Text.assemble((clean(line.model_name), "bold"), f"/{line.version}: ")
    gates = _verdicts(line.evidence.get("gates", ()), "gate")
    remarks = [*gates, *_verdicts(_hooks(line), "hook")]
    return [name.append_text(change(line)), *(Padding(remark, (0, 0, 0, 2)) for remark in remarks)]


def _verdicts(said: Sequence[Mapping[str, Any]], kind: str) -> Iterator[Text]:
    for one in said:
        sign = ("✓ ", "green") if one["passed"] else ("✗ ", "red")
        reason = f": {one['reason']}" if one["reason"] else ""
        yield Text.assemble(sign, clean(f"{kind} {one[kind]}{reason}"))
