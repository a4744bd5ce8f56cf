"""Candidates of a notebook as entries of a project's catalog, with the code that they need."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from bakeoff.domain.errors import InvalidInputError, NotFoundError
from bakeoff.domain.wording import listed, nearest
from bakeoff.notebook.candidates.notebook_code_as_modules import FOLDER
from bakeoff.settings.configuration import CATALOG_FILE

if TYPE_CHECKING:
    from bakeoff.domain.candidate import Candidate
    from bakeoff.domain.tuning import Tuning
    from bakeoff.notebook.project_session import ProjectSession
    from bakeoff.operations.runs.run_report import RunReport


def export(session: "ProjectSession", report: "RunReport", folder: Path, names: Sequence[str]) -> str:
    """The text of the catalog, which is also written where the folder has none.

    Modules of the same name have the same text: it is in the name, as a digest.
    """
    from registry.code.cell_import_and_readable_paths import class_paths

    chosen = _chosen(session, report, names)
    modules = {
        path.partition(":")[0]
        for candidate in chosen
        for path in class_paths(candidate)
        if path.startswith(f"{FOLDER}.")
    }
    for module in sorted(modules):
        _copy(module, session.configuration.root, folder)
    entries = {candidate.id: _entry(candidate) for candidate in chosen}
    text = yaml.safe_dump({"models": entries}, sort_keys=False, allow_unicode=True)
    _write(folder / CATALOG_FILE, text.encode())
    return text


def _chosen(session: "ProjectSession", report: "RunReport", names: Sequence[str]) -> "list[Candidate]":
    from bakeoff.store.bakeoffs import job_queries

    jobs = job_queries.of_run(session.context.engine, report.run.id)
    known = {job.candidate.id: job.candidate for job in jobs if job.candidate.id != report.run.baseline_id}
    for name in names:
        if name not in known:
            cure = nearest(name, known) or f"; there are {listed(known)}"
            raise NotFoundError(f"this run has no candidate {name!r}{cure}")
    return [known[name] for name in names or sorted(known)]


def _entry(candidate: "Candidate") -> dict[str, Any]:
    """What differs from the defaults of an entry."""
    entry: dict[str, Any] = {}
    if candidate.steps:
        entry["steps"] = [{"path": one.path, "params": dict(one.params)} for one in candidate.steps]
    else:
        entry["path"] = candidate.path
        if candidate.params:
            entry["params"] = dict(candidate.params)
    if candidate.tune is not None:
        entry["tune"] = _search(candidate.tune)
    if candidate.timeout_s is not None:
        entry["timeout"] = candidate.timeout_s
    if candidate.memory_limit_mb is not None:
        entry["memory_limit_mb"] = candidate.memory_limit_mb
    return entry


def _search(tuning: "Tuning") -> dict[str, Any]:
    """With the metric that decided: the run of another project may be ranked by another one."""
    known = {"seconds": tuning.seconds, "metric": tuning.rules.metric}
    return {
        "params": dict(tuning.params),
        "trials": tuning.trials,
        "folds": tuning.folds,
        "sampler": str(tuning.sampler),
        "prune": tuning.prune,
        **{key: value for key, value in known.items() if value is not None},
    }


def _copy(module: str, root: Path, folder: Path) -> None:
    place = Path(*module.split(".")).with_suffix(".py")
    _write(folder / place, (root / place).read_bytes())


def _write(target: Path, content: bytes) -> None:
    """A file that is there already stays as it is."""
    if target.is_file():
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    except OSError as exc:
        raise InvalidInputError(
            f"{target} cannot be written: {exc.strerror}; name a folder that can"
        ) from exc
