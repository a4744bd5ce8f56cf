"""Tables of model versions: a list of them, the details of one, and the log of promotions."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bakeoff.cli.output.number_format import plain
from bakeoff.cli.output.terminal import clean
from bakeoff.domain.model_version import ModelVersion, Promotion, Stage
from bakeoff.domain.runs.verdict_facts_in_words import comparison_in_words
from bakeoff.domain.wording import counted, size

if TYPE_CHECKING:
    from rich.console import RenderableType

STAGE_STYLES: Mapping[Stage, str] = {
    Stage.DEVELOPMENT: "",
    Stage.STAGING: "yellow",
    Stage.PRODUCTION: "bold green",
    Stage.ARCHIVED: "dim",
}

_LISTED_METRICS = 3
_MOST_COLUMNS = 20


def table(versions: Sequence[ModelVersion]) -> Table:
    found = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    found.add_column("model", no_wrap=True)
    found.add_column("stage", no_wrap=True)
    for heading in ("type", "metrics"):
        found.add_column(heading, no_wrap=True, overflow="ellipsis")
    found.add_column("saved", no_wrap=True)
    for version in versions:
        found.add_row(
            _name(version),
            _stage(version),
            Text(clean(version.type)),
            Text(clean(_metrics(version.metrics, _LISTED_METRICS))),
            Text(local_time(version.created_at), "dim"),
        )
    return found


def _name(version: ModelVersion) -> Text:
    return Text.assemble((clean(version.name), "bold"), f"/{version.version}")


def _stage(version: ModelVersion) -> Text:
    """The stage of a version, and the aliases that name it."""
    text = Text(version.stage, STAGE_STYLES[version.stage])
    return text.append("".join(f" @{alias}" for alias in version.aliases), "cyan")


def _metrics(metrics: Mapping[str, float | None], most: int | None = None) -> str:
    shown = [f"{name} {plain(value)}" for name, value in list(metrics.items())[:most]]
    return ", ".join(shown) + (", …" if len(shown) < len(metrics) else "")


def comparison(best: ModelVersion, metric: str, snapshot: str | None) -> "list[RenderableType]":
    """The best version, and among which versions it is the best."""
    value = _name(best).append(f"  {clean(metric)} {plain(best.metrics[metric])}")
    among = f"of those measured on snapshot {clean(snapshot)}" if snapshot else "whatever it was measured on"
    return [value, Text(among, "dim")]


def details(version: ModelVersion, history: Sequence[Promotion]) -> "list[RenderableType]":
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", width=11)
    grid.add_column(overflow="fold")
    for name, value in _facts(version):
        if value:
            grid.add_row(name, value if isinstance(value, Text) else Text(clean(value)))
    return [grid, *_stages(history)]


def _facts(version: ModelVersion) -> "list[tuple[str, Text | str | None]]":
    origin = version.origin
    return [
        ("model", _name(version).append(f"  id {version.id}", "dim")),
        ("type", version.type),
        ("stage", _stage(version)),
        ("description", version.description),
        ("metrics", _metrics(version.metrics)),
        ("parameters", _pairs(version.hyperparameters)),
        ("tags", _pairs(version.tags)),
        ("inputs", _columns(version, "inputs")),
        ("outputs", _columns(version, "outputs")),
        ("features", None if version.signature else _some(version.feature_names or ())),
        ("beside it", _beside(version)),
        ("metadata", _pairs(version.metadata)),
        ("run", origin.run_id and f"{origin.run_id}, candidate {origin.candidate_id}"),
        ("snapshot", origin.dataset_id),
        ("libraries", _pairs(version.libraries)),
        ("file", f"{version.file_path}, {size(version.size_bytes)}"),
        ("SHA-256", version.digest),
        ("saved", local_time(version.created_at)),
    ]


def _pairs(mapping: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in mapping.items())


def _columns(version: ModelVersion, side: str) -> str:
    columns = (version.signature or {}).get(side, ())
    return _some([f"{column['name']} {column['type']}" for column in columns])


def _some(names: Sequence[str]) -> str:
    more = f", … {len(names) - _MOST_COLUMNS} more" if len(names) > _MOST_COLUMNS else ""
    return ", ".join(names[:_MOST_COLUMNS]) + more


def _beside(version: ModelVersion) -> str:
    has = {"a preprocessor": version.has_preprocessor, "an input example": version.has_input_example}
    return " and ".join(name for name, is_there in has.items() if is_there)


def _stages(history: Sequence[Promotion]) -> "list[RenderableType]":
    if not history:
        return []
    return [
        Text(),
        Text("stages, newest first", "bold"),
        *(Padding(_dated_entry(entry), (0, 0, 0, 2)) for entry in history),
    ]


def _dated_entry(entry: Promotion) -> Text:
    return Text.assemble((local_time(entry.at), "dim"), "  ").append_text(_log_entry(entry))


def verification(checked: int, problems: Mapping[str, str], leftovers: int) -> "list[RenderableType]":
    parts: list[RenderableType] = []
    for uri, why in problems.items():
        parts += [Text.assemble(("✗ ", "red"), (clean(uri), "bold")), Padding(Text(clean(why)), (0, 0, 0, 2))]
    parts.append(
        Text(
            f"{len(problems):,} of {counted(checked, 'model')} not as saved"
            if problems
            else f"{counted(checked, 'model')} verified"
        )
    )
    if leftovers:
        parts.append(
            Text(f"{counted(leftovers, 'file')} left over: `bakeoff registry gc` removes them", "dim")
        )
    return parts


def _log_entry(entry: Promotion) -> Text:
    """One entry of the log: what happened, by whom, and why."""
    if not entry.moved:
        return _hook_summary(_hooks(entry))
    told = (
        _stage_change(entry)
        .append(f" by {clean(entry.by)}")
        .append(f": {clean(entry.reason)}" if entry.reason else "")
    )
    for gate in entry.evidence.get("gates", ()):
        if compared := gate.get("comparison"):
            told.append(f"\n{clean(compared['metric'])} {clean(comparison_in_words(compared))}", "dim")
    return told


def _stage_change(entry: Promotion) -> Text:
    text = Text.assemble(f"{entry.from_stage} → ", (entry.to_stage, STAGE_STYLES[entry.to_stage]))
    if entry.replaced:
        text.append(f", in place of {entry.replaced}")
    for mark, word in (("rollback", "rolled back"), ("forced", "forced")):
        if entry.evidence.get(mark):
            text.append(f", {word}", "yellow")
    return text


def _hook_summary(hooks: Sequence[Mapping[str, Any]]) -> Text:
    text = Text(f"sent to {counted(len(hooks), 'hook')}")
    failed = [f"{hook['hook']}: {hook['reason']}" for hook in hooks if not hook["passed"]]
    return text.append(f", {len(failed)} failed: {clean('; '.join(failed))}", "yellow") if failed else text


def _hooks(entry: Promotion) -> Sequence[Mapping[str, Any]]:
    hooks: Sequence[Mapping[str, Any]] = entry.evidence.get("hooks", ())
    return hooks


def promotion_log(lines: Sequence[Promotion]) -> Table:
    found = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    found.add_column("when", no_wrap=True)
    found.add_column("model", no_wrap=True)
    found.add_column("what", overflow="fold")
    for entry in lines:
        model = Text.assemble((clean(entry.model_name), "bold"), f"/{entry.version}")
        found.add_row(Text(local_time(entry.at), "dim"), model, _log_entry(entry))
    return found


def local_time(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def promotion_outcome(entry: Promotion) -> "list[RenderableType]":
    """The result of a promotion that was just made, with its gates and hooks."""
    name = Text.assemble((clean(entry.model_name), "bold"), f"/{entry.version}: ")
    gates = _checks(entry.evidence.get("gates", ()), "gate")
    remarks = [*gates, *_checks(_hooks(entry), "hook")]
    return [name.append_text(_stage_change(entry)), *(Padding(remark, (0, 0, 0, 2)) for remark in remarks)]


def _checks(results: Sequence[Mapping[str, Any]], kind: str) -> Iterator[Text]:
    for one in results:
        sign = ("✓ ", "green") if one["passed"] else ("✗ ", "red")
        reason = f": {one['reason']}" if one["reason"] else ""
        yield Text.assemble(sign, clean(f"{kind} {one[kind]}{reason}"))
