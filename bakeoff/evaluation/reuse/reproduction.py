"""Compare a second fit with the first: whether it predicts the same, and what has changed in between."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.domain.runs.result import Fit, Part


@dataclass(frozen=True, kw_only=True)
class Difference:
    what: str  #: `code`, `package numpy`, `commit`, …
    before: str | None
    after: str | None


@dataclass(frozen=True, kw_only=True)
class ReproductionComparison:
    first: Fit
    again: Fit
    equal: bool  #: whether all predictions are equal, bit for bit
    differing: int | None  #: predictions that differ; None when those of the first are gone
    differences: tuple[Difference, ...]

    def to_record(self) -> dict[str, Any]:
        return {
            "equal": self.equal,
            "evaluationId": self.first.result.evaluation_id,
            "again": self.again.result.evaluation_id,
            "runId": self.again.result.run_id,
            "differing": self.differing,
            "metrics": {"before": dict(self.first.result.metrics), "after": dict(self.again.result.metrics)},
            "changed": [{"what": d.what, "before": d.before, "after": d.after} for d in self.differences],
            "manifest": {
                "before": self.first.provenance.manifest.to_record(),
                "after": self.again.provenance.manifest.to_record(),
            },
        }


def compare_fits(first: Fit, again: Fit, *, predictions: tuple[Path, Path]) -> ReproductionComparison:
    """`predictions` are the files of the first and of the second fit."""
    equal = first.provenance.predicted_like(again.provenance)
    return ReproductionComparison(
        first=first,
        again=again,
        equal=equal,
        differing=0 if equal else _differing(*predictions),
        differences=tuple(_differences(first, again)),
    )


def _differing(first: Path, again: Path) -> int | None:
    if not first.exists():
        return None
    before, after = (np.load(file, allow_pickle=False) for file in (first, again))
    if before.shape != after.shape:
        return len(after)
    return int((before != after).reshape(len(after), -1).any(axis=1).sum())


def _differences(first: Fit, again: Fit) -> Iterator[Difference]:
    """What has changed. Parts of the fingerprint are only named, as their digests say nothing to a reader."""
    old, new = first.provenance, again.provenance
    for part in Part:
        if old.parts[part] != new.parts[part]:
            yield Difference(what=part, before=None, after=None)
    for what in sorted({*old.seen, *new.seen}):
        if old.seen.get(what) != new.seen.get(what):
            yield Difference(what=what, before=None, after=None)
    yield from _changed("commit", old.manifest.commit, new.manifest.commit)
    yield from _changed("cpu", old.manifest.cpu, new.manifest.cpu)
    packages = sorted({*old.manifest.packages, *new.manifest.packages})
    for name in packages:
        yield from _changed(name, old.manifest.packages.get(name), new.manifest.packages.get(name))


def _changed(what: str, before: str | None, after: str | None) -> Iterator[Difference]:
    if before != after:
        yield Difference(what=what, before=before, after=after)
