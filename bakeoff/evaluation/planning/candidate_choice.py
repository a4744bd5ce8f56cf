"""Which candidates take part in a run: those that are named, or enabled, and that fit the target."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bakeoff.domain.candidate import Candidate, CandidateKind, Learns, OutputKind
from bakeoff.domain.errors import InvalidInputError, in_field
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef, TargetKind
from bakeoff.domain.wording import listed, nearest, quoted
from registry.catalog.live_catalog import Catalog
from registry.catalog.parameter_grid import Grid, members_of

BASELINE_ID = "dummy"

_TASKS = {Learns.CLASSES: "multiclass", Learns.NUMBERS: "regression"}


class Choice(NamedTuple):
    chosen: tuple[Candidate, ...]
    left_out: tuple[Candidate, ...]  #: they learn another kind of target


def named(ids: Sequence[str], catalog: Catalog, *, baseline: bool) -> list[Candidate]:
    """These candidates, each once, in this order. With `baseline`, `dummy` may be among the names.

    The name of a family means all its members.
    """
    _require_free_baseline_id(catalog)
    if BASELINE_ID in ids and not baseline:
        raise InvalidInputError(f"{BASELINE_ID} is named and left out at once: drop one of the two")
    others = _others(ids, catalog)
    if not others:
        raise InvalidInputError(
            f"no candidate is named but the baseline: name others beside {BASELINE_ID}, "
            "or none, and all that are enabled take part"
        )
    return others


def _others(ids: Sequence[str], catalog: Catalog) -> list[Candidate]:
    found: dict[str, Candidate] = {}
    for place, model_id in enumerate(ids):
        with in_field(f"models.{place}"):
            if model_id == BASELINE_ID:
                continue
            members = [one for one in catalog.candidates.values() if one.family == model_id]
            for candidate in members or [catalog.get(model_id)]:
                refuse_signals(candidate)
                found[candidate.id] = candidate
    return list(found.values())


def refuse_signals(candidate: Candidate) -> None:
    if candidate.kind is CandidateKind.SIGNAL:
        raise InvalidInputError(
            f"{candidate.id} is a signal model, which takes part in no bake-off: name candidates, or ask it "
            "with `bakeoff signals generate`"
        )


def with_grids(candidates: Sequence[Candidate], grids: Mapping[str, Grid]) -> list[Candidate]:
    """With the members of a grid in the place of each candidate that a request gives one."""
    ids = [candidate.id for candidate in candidates]
    for model_id in grids:
        if model_id not in ids:
            raise InvalidInputError(
                f"grid names {quoted(model_id)}, which does not take part"
                f"{nearest(model_id, ids) or f'; there are {listed(ids)}'}"
            )
    return [
        member
        for candidate in candidates
        for member in (members_of(candidate, grids[candidate.id]) if candidate.id in grids else (candidate,))
    ]


def enabled(catalog: Catalog) -> list[Candidate]:
    _require_free_baseline_id(catalog)
    found = [c for c in catalog.candidates.values() if c.kind is CandidateKind.CANDIDATE]
    if not found:
        raise InvalidInputError(
            f"no candidate takes part: enable one in {catalog.file}; `bakeoff models` shows what there is"
        )
    return found


def fitting(candidates: Sequence[Candidate], target: DatasetRef) -> Choice:
    """The candidates of a request that names none: those that learn another kind of target are left out."""
    chosen = tuple(c for c in candidates if _fits(c, target.target_kind))
    left_out = tuple(c for c in candidates if c not in chosen)
    if not chosen:
        raise InvalidInputError(f"no candidate is left: {_mismatch(left_out, target)}")
    return Choice(chosen, left_out)


def all_fitting(candidates: Sequence[Candidate], target: DatasetRef) -> Choice:
    """The candidates of a request that names them: one that learns another kind of target is an error."""
    choice = Choice(tuple(candidates), tuple(c for c in candidates if not _fits(c, target.target_kind)))
    if choice.left_out:
        raise InvalidInputError(_mismatch(choice.left_out, target))
    return choice


def what_is_learnt(kind: TargetKind) -> Learns:
    return Learns.NUMBERS if kind is TargetKind.REGRESSION else Learns.CLASSES


def _fits(candidate: Candidate, kind: TargetKind) -> bool:
    """Whether the candidate can learn the target. One that returns scores or probabilities can classify."""
    if kind is not TargetKind.REGRESSION and candidate.output_kind is not OutputKind.LABELS:
        return True
    return candidate.learns in {None, what_is_learnt(kind)}


def _mismatch(candidates: Sequence[Candidate], target: DatasetRef) -> str:
    is_ = what_is_learnt(target.target_kind)
    other = next(learns for learns in Learns if learns is not is_)
    verb = "learns" if len(candidates) == 1 else "learn"
    return (
        f"{', '.join(c.id for c in candidates)} {verb} {other}, and the target {target.target!r} of "
        f"{target.name} is {is_}: `bakeoff models` shows which candidates learn {is_}; "
        f"or, if it is {other}, give the dataset `task: {_TASKS[other]}`"
    )


def _require_free_baseline_id(catalog: Catalog) -> None:
    if BASELINE_ID in catalog.candidates:
        raise InvalidInputError(
            f"the catalog has a candidate {BASELINE_ID!r}, which is the name of the baseline: "
            f"give it another id in {catalog.file}"
        )
