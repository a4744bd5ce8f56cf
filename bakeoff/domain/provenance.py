"""What a result was made of: what decides the predictions, and what is good to know besides."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from bakeoff.domain.metric import ScoringRules
from bakeoff.domain.result import Result


class Part(StrEnum):
    """What decides the predictions of a candidate. What only decides how they are scored is none of it."""

    CODE = "code"  #: its class, what that imports, or the distribution that it comes from
    PARAMETERS = "parameters"  #: of its entry in the catalog
    VERSION = "version"  #: that its entry gives it
    DATA = "data"  #: snapshot and split
    SEED = "seed"
    LIBRARIES = "libraries"  #: Python and what every cell has loaded
    BAKEOFF = "bakeoff"  #: what of our own runs in a cell


Parts = Mapping[Part, str]  #: a digest of each


@dataclass(frozen=True, kw_only=True)
class CodeManifest:
    """On what a fit was made: for people, and to see what has changed when it cannot be reproduced."""

    commit: str | None  #: of the git checkout that the project lies in; None outside of one
    cpu: str
    packages: Mapping[str, str]  #: versions, Python's among them

    def to_record(self) -> dict[str, Any]:
        return {"commit": self.commit, "cpu": self.cpu, "packages": dict(self.packages)}


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Of a result that was fitted for; one that was taken over has that of its origin."""

    parts: Parts
    seen: Mapping[str, str]  #: digests of what it was seen to use besides, by what that is
    obstacle: str = ""  #: why nobody can tell when it would predict the same; empty if it can be told
    predictions: str  #: digest of the file of what it answered
    probabilities: str | None = None  #: digest of that beside labels; None if it was not asked or has none
    manifest: CodeManifest

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.parts)

    def answered_like(self, other: Self) -> bool:
        """As far as both were asked."""
        known = {self.probabilities, other.probabilities} - {None}
        return self.predictions == other.predictions and len(known) <= 1


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A result that was fitted for, and what another run must know to take it over."""

    result: Result
    rules: ScoringRules  #: that its predictions were scored by
    train_rows: int
    test_rows: int
    provenance: Provenance

    @property
    def is_deterministic(self) -> bool | None:
        """What a second fit told; None when there was none."""
        return self.result.details.get("deterministic")


def fingerprint(parts: Parts) -> str:
    return digest_of({part: parts[part] for part in Part})


def digest_of(value: Any) -> str:
    """Of JSON. The order of keys counts: it may be that of arguments."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
