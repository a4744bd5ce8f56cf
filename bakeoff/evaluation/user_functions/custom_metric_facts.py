"""The facts of custom metrics: direction, needs and kinds of target, as a cell reports them.

They are asked for when a run is planned, and written into its rules: nothing else imports the function before
it is computed. What is known of a metric is kept in the data folder by a digest of its code, so an oven is
started for it once. A file that is missing or damaged is as good as none.
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from uuid import uuid4

from bakeoff.broker.embedded_redis import socket_folders
from bakeoff.cell.host.cell_order import Limits, Order
from bakeoff.cell.host.cell_outcome import CellOutcome, End
from bakeoff.domain import entry_points_of_installed_packages
from bakeoff.domain.entry_points_of_installed_packages import Extends
from bakeoff.domain.errors import InvalidInputError, in_field
from bakeoff.domain.metric_names_and_scoring_rules import MetricFacts, is_custom, names_function
from bakeoff.evaluation.temporary_oven import RunCell, oven_for, why_it_ended
from bakeoff.settings.configuration import Configuration
from registry.code.candidate_code import code_at
from registry.code.cell_import_and_readable_paths import import_path, readable_paths

log = logging.getLogger(__name__)

_ENTRY = "bakeoff.evaluation.user_functions.custom_metric_in_cell:describe"
_FOLDER = "metrics"
_CURE = "raise `importTimeout` if it needs more"
_CONTRACT = 2  #: of the attributes and names that are looked at: facts of another one are asked for again
_LIBRARIES = ("bakeoff.settings.log_setup:set_up_for_plugins", "numpy")


def metric_facts(names: Sequence[str], configuration: Configuration) -> tuple[MetricFacts, ...]:
    """Of the custom metrics among the names. InvalidInputError says which one cannot be used, and why."""
    places = {name: place for place, name in enumerate(names) if is_custom(name)}
    files = {name: _file(name, configuration) for name in places}
    known = {name: _recall(file) for name, file in files.items() if file is not None}
    found = {name: facts for name, facts in known.items() if facts is not None}
    unknown = {name: file for name, file in files.items() if name not in found}
    if unknown:
        found |= _asked(unknown, places, configuration)
    return tuple(found[name] for name in places)


def _asked(
    unknown: Mapping[str, Path | None], places: Mapping[str, int], configuration: Configuration
) -> dict[str, MetricFacts]:
    found = {}
    with oven_for(
        configuration.root,
        closed=configuration.secrets,
        hidden=socket_folders(configuration),
        libraries=_LIBRARIES,
    ) as run_cell:
        for name, file in unknown.items():
            with in_field(f"metrics.{places[name]}"):
                found[name] = _ask(name, configuration, run_cell)
            # Facts are those of the code that was imported. If it was changed meanwhile, nobody knows which.
            if file is not None and file == _file(name, configuration):
                _keep(found[name], file)
    return found


def _ask(name: str, configuration: Configuration, run_cell: RunCell) -> MetricFacts:
    longest_s = configuration.settings.import_timeout
    outcome = run_cell(
        Order(
            entry=_ENTRY,
            payload={"metric": name},
            limits=Limits(wall_s=longest_s, threads=1),
            log=configuration.logs / "metrics.log",
            network=False,
            readable=readable_paths(configuration.root, closed=configuration.secrets),
            import_path=import_path(configuration.root),
        )
    )
    return _facts_in(outcome, name, longest_s)


def _facts_in(outcome: CellOutcome, name: str, longest_s: float) -> MetricFacts:
    if outcome.end is not End.RETURNED:
        raise InvalidInputError(
            f"metric {name!r}: its import {why_it_ended(outcome, longest_s=longest_s, cure=_CURE)}; "
            "mend its module"
        )
    answer = outcome.value if isinstance(outcome.value, dict) else {}
    if "problem" in answer:
        raise InvalidInputError(str(answer["problem"])[:1000])
    try:
        facts = MetricFacts.from_json(answer["facts"])
    except (KeyError, TypeError, ValueError) as exc:
        raise InvalidInputError(f"metric {name!r}: its cell reported {outcome.value!r:.100}") from exc
    return MetricFacts(
        name=name,
        greater_is_better=bool(facts.greater_is_better),
        needs_probabilities=bool(facts.needs_probabilities),
        target_kinds=facts.target_kinds,
    )


def _file(name: str, configuration: Configuration) -> Path | None:
    """Where its facts are kept. None if a change of its code would not be seen."""
    module = name.partition(":")[0] if names_function(name) else _module_of_package(name)
    code = code_at([module], root=configuration.root)
    # What is imported and missing is in the digest: a name of a module counts as such, and a change is seen.
    if code.compiled or not (code.modules or code.distributions):
        return None
    content = json.dumps([_CONTRACT, name, code.digest])
    digest = hashlib.sha256(content.encode()).hexdigest()[:32]
    return configuration.data_dir / _FOLDER / f"{digest}.json"


def _module_of_package(name: str) -> str:
    return entry_points_of_installed_packages.added(Extends.METRICS)[name].module


def _recall(file: Path) -> MetricFacts | None:
    try:
        return MetricFacts.from_json(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(facts: MetricFacts, file: Path) -> None:
    draft = file.with_name(f".{uuid4().hex}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(asdict(facts)), "utf-8")
        draft.rename(file)
    except OSError as exc:
        log.warning("what is known of the metric %s is not kept: %s", facts.name, exc)
        draft.unlink(missing_ok=True)
