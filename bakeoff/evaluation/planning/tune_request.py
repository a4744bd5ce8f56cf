"""What a request says of searches: candidates that choose parameters themselves, inside their cells.

It has the keys of `tune` in an entry of the catalog, and goes before what stands there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import InvalidInputError, in_field
from bakeoff.domain.tuning import ChoosingRules, Sampler, Tuning
from bakeoff.domain.wording import listed, nearest, quoted
from bakeoff.evaluation.planning.request_body import Body
from registry.catalog.search_space import with_tuning

_DEFAULTS = Tuning(params={})


class TuneRequest(Body):
    params: dict[str, Any] = Field(
        description="By parameter: a list of values, or a range such as {log_uniform: [0.001, 100]}."
    )
    trials: int = Field(_DEFAULTS.trials, ge=1, le=1000, description="How many are tried in each fit.")
    seconds: float | None = Field(
        None, gt=0, description="For all trials of one fit; null: half of the time of the fit."
    )
    folds: int = Field(_DEFAULTS.folds, ge=2, le=20, description="Into which training rows are divided.")
    metric: str | None = Field(None, description="What decides; null: the metric that ranks.")
    sampler: Sampler = Field(_DEFAULTS.sampler, strict=False, description="Where the next trial is.")
    prune: bool = Field(_DEFAULTS.prune, description="Give up trials that do worse than the median.")

    def to_tuning(self) -> Tuning:
        said = {name: getattr(self, name) for name in TuneRequest.model_fields if name != "metric"}
        return Tuning(**said, rules=ChoosingRules(metric=self.metric))


def with_searches(candidates: Sequence[Candidate], searches: Mapping[str, TuneRequest]) -> list[Candidate]:
    """With its search for each candidate that a request gives one."""
    ids = [candidate.id for candidate in candidates]
    for model_id in searches:
        if model_id not in ids:
            raise InvalidInputError(
                f"tune names {quoted(model_id)}, which does not take part"
                f"{nearest(model_id, ids) or f'; there are {listed(ids)}'}"
            )
    found = []
    for candidate in candidates:
        asked = searches.get(candidate.id)
        if asked is not None:
            with in_field(candidate.id):
                candidate = with_tuning(candidate, asked.to_tuning())  # noqa: PLW2901 - the same one, tuned
        found.append(candidate)
    return found
