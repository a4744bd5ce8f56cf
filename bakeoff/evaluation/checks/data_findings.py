"""The findings on a dataset and its split. They are made when a snapshot is pinned, and kept beside it.

The file is in the sealed part, which no cell can read, since the findings were made with the test labels. If
the process is killed before it is written, or the snapshot is of an older version, the next one that pins the
same data makes the findings.
"""

import json
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import uuid4

from bakeoff.domain.finding import Finding, worst_first
from bakeoff.evaluation.checks.column_checks import column_findings
from bakeoff.evaluation.checks.numeric_sample import SampledData
from bakeoff.evaluation.checks.row_checks import row_findings
from bakeoff.evaluation.checks.split_checks import split_findings
from bakeoff.evaluation.checks.target_checks import target_findings
from bakeoff.evaluation.datasets.canonical_table import Table
from bakeoff.evaluation.datasets.snapshot_layout import SEALED
from bakeoff.evaluation.datasets.splits.split_train_and_test import Split

log = logging.getLogger(__name__)

#: The version of the rules: findings that were made by others are made again.
_RULES = 2
_ANSWERED_BY_GROUP = ("leaky-feature", "id-like")
_FILE = "findings.json"
_MOST_OF_A_KIND = 20


def findings_on(table: Table, split: Split) -> tuple[Finding, ...]:
    data = SampledData.of(table, split)
    checks = (target_findings, row_findings, split_findings, column_findings)
    found = [finding for check in checks for finding in check(data)]
    # The id of a group also predicts. To drop it, as is advised for such a column, would only hide the group.
    groups = {column for finding in found if finding.slug == "group-overlap" for column in finding.columns}
    return worst_first(
        _bounded(
            finding
            for finding in found
            if finding.slug not in _ANSWERED_BY_GROUP or not groups.issuperset(finding.columns)
        )
    )


def _bounded(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The first findings of each kind: with 10,000 bad columns nobody reads more."""
    seen: dict[str, int] = {}
    for finding in findings:
        seen[finding.slug] = seen.get(finding.slug, 0) + 1
        if seen[finding.slug] <= _MOST_OF_A_KIND:
            yield finding


def stored_findings(folder: Path) -> tuple[Finding, ...] | None:
    """The findings on a snapshot; None if they have to be made."""
    try:
        stored = json.loads((folder / SEALED / _FILE).read_text(encoding="utf-8"))
        if stored["rules"] != _RULES:
            return None
        return tuple(map(Finding.from_record, stored["findings"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def store_findings(folder: Path, findings: Iterable[Finding]) -> None:
    """Writes the findings beside the snapshot.

    The snapshot is whole without them, so a full disk or a snapshot that was just removed stops nobody.
    """
    content = {"rules": _RULES, "findings": [finding.to_record() for finding in findings]}
    draft = folder / SEALED / f".{uuid4().hex}"
    try:
        draft.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        draft.chmod(0o444)
        draft.rename(folder / SEALED / _FILE)  # two processes may do so at once: both write the same
    except OSError as exc:
        log.warning("the findings on %s are not kept: %s", folder, exc)
        draft.unlink(missing_ok=True)
