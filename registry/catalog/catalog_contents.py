"""The contents of a catalog at one moment. They never change: a reload makes a new object."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Self

from bakeoff.domain.candidate import Candidate, CandidateKind, Rejection
from bakeoff.domain.errors import InvalidInputError, NotFoundError
from bakeoff.domain.signal import DEFAULT_RULES, EnsembleRules, ModelConfig
from bakeoff.domain.wording import quoted
from registry.catalog import ensemble_weights
from registry.code.class_import import nearest

_MOST_NAMED = 20


@dataclass(frozen=True, kw_only=True)
class CatalogContents:
    candidates: Mapping[str, Candidate]  #: enabled and healthy ones, of both kinds
    disabled: Mapping[str, Candidate]
    rejected: Mapping[str, Rejection]
    rules: EnsembleRules = DEFAULT_RULES

    @classmethod
    def of(
        cls,
        candidates: Iterable[Candidate] = (),
        rejections: Iterable[Rejection] = (),
        rules: EnsembleRules = DEFAULT_RULES,
    ) -> Self:
        declared = tuple(candidates)
        return cls(
            candidates=MappingProxyType({c.id: c for c in declared if c.enabled}),
            disabled=MappingProxyType({c.id: c for c in declared if not c.enabled}),
            rejected=MappingProxyType({r.id: r for r in rejections}),
            rules=rules,
        )

    def __contains__(self, candidate_id: str) -> bool:
        return any(candidate_id in part for part in (self.candidates, self.disabled, self.rejected))

    @property
    def signal_models(self) -> Mapping[str, Candidate]:
        """The enabled, healthy signal models, in the order of the catalog."""
        return {id_: c for id_, c in self.candidates.items() if c.kind is CandidateKind.SIGNAL}

    def check_weights(self) -> str:
        """A remark on the declared weights, or an empty text. InvalidInputError for unusable ones."""
        return ensemble_weights.check(ensemble_weights.declared_weights(self.signal_models.values()))

    @property
    def weights(self) -> dict[str, float]:
        """The share of each signal model in the ensemble; together they are 1."""
        return ensemble_weights.normalised(ensemble_weights.declared_weights(self.signal_models.values()))

    def merged_with(self, other: Self) -> Self:
        return replace(
            self,
            candidates=MappingProxyType({**self.candidates, **other.candidates}),
            disabled=MappingProxyType({**self.disabled, **other.disabled}),
            rejected=MappingProxyType({**self.rejected, **other.rejected}),
        )

    def without(self, candidate_id: str) -> Self:
        left = (c for c in (*self.candidates.values(), *self.disabled.values()) if c.id != candidate_id)
        rejected = (r for r in self.rejected.values() if r.id != candidate_id)
        return self.of(left, rejected, self.rules)

    def get(self, candidate_id: str) -> Candidate:
        if candidate_id in self.candidates:
            return self.candidates[candidate_id]
        raise NotFoundError(
            f"there is no candidate {quoted(candidate_id)} to run: {self.why_not(candidate_id)}"
        )

    def model_config(self, model_id: str) -> ModelConfig:
        found = self.candidates.get(model_id) or self.disabled.get(model_id)
        if found is None:
            meant = nearest(model_id, self.signal_models)
            said = " ".join(filter(None, (meant, f"there are {_in_brief(self.signal_models)}")))
            raise NotFoundError(f"there is no signal model {quoted(model_id)}: {said}")
        if found.kind is not CandidateKind.SIGNAL:
            raise InvalidInputError(
                f"{model_id} is a candidate for bake-offs, not a signal model: it would have `kind: signal`"
            )
        return ModelConfig(found.id, found.version, 1.0 if found.weight is None else found.weight)

    def why_not(self, candidate_id: str) -> str:
        if candidate_id in self.rejected:
            return f"{why_rejected(self.rejected[candidate_id])} (then `bakeoff models` looks at it again)"
        if candidate_id in self.disabled:
            return f"it is disabled: set `enabled: true` in the catalog file, or add `--with {candidate_id}`"
        meant = nearest(candidate_id, [*self.candidates, *self.disabled, *self.rejected])
        return " ".join(filter(None, (meant, f"there are {_in_brief(self.candidates)}")))

    def to_record(self) -> dict[str, Any]:
        """The contents as JSON, over HTTP and in `--json`."""
        return {
            "candidates": [candidate.to_record() for candidate in self.candidates.values()],
            "disabled": [candidate.to_record() for candidate in self.disabled.values()],
            "rejected": [rejection.to_record() for rejection in self.rejected.values()],
            "ensemble": {**self.rules.to_record(), "weights": self._shares()},
        }

    def _shares(self) -> dict[str, float]:
        """The weights; empty when no usable ones are left, because a listing must not fail for that."""
        with suppress(InvalidInputError):
            return self.weights
        return {}


def why_rejected(rejection: Rejection) -> str:
    return f"{rejection.id} was rejected because {rejection.cause}: {rejection.fix}"


def _in_brief(ids: Iterable[str]) -> str:
    known = list(ids)
    more = len(known) - _MOST_NAMED
    named = ", ".join(known[:_MOST_NAMED]) or "none at all"
    return f"{named} and {more:,} more: `bakeoff models` lists them" if more > 0 else named
