"""How people and programs name a model version.

models:/churn/1.2.0        by version
models:/churn/3            the third version ever saved under the name
models:/churn/Production   by stage; the newest, where several are in it
models:/churn/latest       the newest
models:/churn@champion     by alias
runs:/<run id>/<candidate> the model of a candidate that was saved from a run
churn/1.2.0                short for the first
"""

import re
from dataclasses import dataclass

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.model_version import Stage, VersionNumber, check_alias

_MODELS, _RUNS = "models:/", "runs:/"
LATEST = "latest"
_SERIAL = re.compile("[0-9]{1,18}")


@dataclass(frozen=True, kw_only=True)
class ModelUri:
    """One of the ways, and no other: exactly one of the fields behind the name is set."""

    name: str = ""  #: empty for a model of a run
    version: str | None = None
    serial: int | None = None
    stage: Stage | None = None
    alias: str | None = None
    latest: bool = False
    run_id: str | None = None
    candidate_id: str | None = None

    @property
    def moves(self) -> bool:
        """Whether it may mean another version tomorrow."""
        return self.latest or self.stage is not None or self.alias is not None


def is_uri(text: str) -> bool:
    """In full: `name/version` is none."""
    return text.startswith((_MODELS, _RUNS))


def parse_uri(text: str) -> ModelUri:
    """A name may have any characters in it: what is read is what stands behind the last slash or @."""
    if text.startswith(_RUNS):
        run_id, _, candidate_id = text.removeprefix(_RUNS).partition("/")
        if run_id and candidate_id:
            return ModelUri(run_id=run_id, candidate_id=candidate_id)
        raise _no_uri(text)
    rest = text.removeprefix(_MODELS)
    found = _by_slash(*rest.rpartition("/")) or _by_alias(*rest.rpartition("@"))
    if found is None:
        raise _no_uri(text)
    return found


def _by_slash(name: str, _slash: str, which: str) -> ModelUri | None:
    if not name:
        return None
    if _SERIAL.fullmatch(which):
        return ModelUri(name=name, serial=int(which))
    if which == LATEST:
        return ModelUri(name=name, latest=True)
    if which.lower() in {stage.lower() for stage in Stage}:
        return ModelUri(name=name, stage=Stage.parse(which))
    try:
        return ModelUri(name=name, version=str(VersionNumber.parse(which)))
    except InvalidInputError:
        return None


def _by_alias(name: str, _at: str, alias: str) -> ModelUri | None:
    try:
        return ModelUri(name=name, alias=check_alias(alias)) if name else None
    except InvalidInputError:
        return None


def _no_uri(text: str) -> InvalidInputError:
    return InvalidInputError(
        f"{text!r} names no model: write models:/NAME/VERSION, models:/NAME/STAGE, models:/NAME@ALIAS, "
        "runs:/RUN/CANDIDATE, or NAME/VERSION"
    )
