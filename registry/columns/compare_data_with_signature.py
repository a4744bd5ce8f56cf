"""Compares data with a signature: columns that are missing, extra, of another type, or in another order.

Columns are matched by name, in any order; columns without names are matched by position.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bakeoff.domain.wording import listed, nearest
from registry.columns.column_casting import MisfitError, converted
from registry.columns.signature import Container, Signature, as_frame, container_of

if TYPE_CHECKING:
    import pandas as pd

_MOST_NAMED = 20


@dataclass(frozen=True, kw_only=True)
class SignatureComparison:
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()  #: columns that the model does not use
    wrong_types: Mapping[str, MisfitError] = field(default_factory=dict)
    reordered: bool = False
    gaps: tuple[str, ...] = ()  #: columns that have missing values here and had none in training; no error
    by_position: bool = (
        False  #: matched by position: no column may be extra then, for it is unknown which one
    )

    @property
    def valid(self) -> bool:
        return not (self.missing or self.wrong_types or (self.by_position and self.extra))

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each problem, with its cure."""
        if self.by_position and (self.missing or self.extra):
            return (_wrong_number_of_columns(self.missing, self.extra),)
        hint = nearest(self.missing[0], self.extra) if self.missing else ""
        absent = [f"missing columns {listed(self.missing)}: add or rename them{hint}"] if self.missing else []
        wrong = [f"column {name!r} is {misfit}" for name, misfit in self.wrong_types.items()]
        more = [f"so are {len(wrong) - _MOST_NAMED} more columns"] if len(wrong) > _MOST_NAMED else []
        return (*absent, *wrong[:_MOST_NAMED], *more)

    def within(self, first_row: int, others: Sequence[str]) -> "SignatureComparison":
        """The same comparison, for the larger data of which these are a part, from `first_row` on.

        `others`: columns of the larger data that are not in this part.
        """
        moved = {name: misfit.moved(first_row) for name, misfit in self.wrong_types.items()}
        return replace(self, wrong_types=moved, extra=(*self.extra, *others))

    def to_record(self) -> dict[str, Any]:
        return {
            "valid": self.valid,
            "missing_features": list(self.missing),
            "extra_features": list(self.extra),
            "wrong_types": {name: misfit.to_record() for name, misfit in self.wrong_types.items()},
            "reordered": self.reordered,
            "unexpected_gaps": list(self.gaps),
            "problems": list(self.problems),
        }


def _wrong_number_of_columns(missing: Sequence[str], extra: Sequence[str]) -> str:
    count, what = (len(missing), "few") if missing else (len(extra), "many")
    noun = "column" if count == 1 else "columns"
    return f"{count} {noun} too {what}: give those that the model knows, in its order, or name them"


def compare(signature: Signature, X: Any) -> SignatureComparison:
    return align(signature, X)[0]


def align(signature: Signature, X: Any) -> "tuple[SignatureComparison, pd.DataFrame]":
    """Compares data with a signature, and returns them with its names, order and types.

    The frame may be used only if the comparison is valid.
    """
    given = as_frame(X)
    if given.shape == (0, 0):  # data without rows, such as [], lack no column
        given = given.reindex(columns=list(signature.names))
    by_position = _matches_by_position(signature, container_of(X), given)
    frame = given.set_axis(_names_by_position(signature, given), axis=1) if by_position else given
    known = set(signature.names)
    there = [name for name in signature.names if name in frame.columns]
    ordered = frame if list(frame.columns) == there else frame[there]
    changed, misfits = _converted(signature, ordered)
    comparison = SignatureComparison(
        missing=tuple(name for name in signature.names if name not in frame.columns),
        extra=tuple(name for name in frame.columns if name not in known),
        wrong_types=misfits,
        reordered=[name for name in frame.columns if name in known] != there,
        gaps=_gaps(signature, ordered),
        by_position=by_position,
    )
    return comparison, ordered.assign(**changed) if changed else ordered


def in_container(frame: "pd.DataFrame", container: Container) -> Any:
    """An aligned frame as the kind of object that the model was fitted on."""
    match container:
        case Container.ARRAY:
            return frame.to_numpy()
        case Container.NUMBERED:
            return frame.set_axis([int(name) for name in frame.columns], axis=1)
        case Container.FRAME:
            return frame


def _matches_by_position(signature: Signature, container: Container, frame: "pd.DataFrame") -> bool:
    if container is Container.ARRAY:
        return True
    named = container is Container.FRAME and signature.container is Container.FRAME
    return not named and not set(signature.names) <= set(frame.columns)


def _names_by_position(signature: Signature, frame: "pd.DataFrame") -> list[str]:
    width = len(frame.columns)
    return [*signature.names[:width], *map(str, range(len(signature.names), width))]


def _converted(
    signature: Signature, frame: "pd.DataFrame"
) -> "tuple[dict[str, pd.Series[Any]], dict[str, MisfitError]]":
    """The columns that were converted, and the misfits of those that cannot be."""
    changed: dict[str, pd.Series[Any]] = {}
    misfits: dict[str, MisfitError] = {}
    for spec in signature.inputs:
        if spec.name not in frame.columns:
            continue
        column = frame[spec.name]
        try:
            new = converted(column, spec)
        except MisfitError as misfit:
            misfits[spec.name] = misfit
        else:
            if new is not column:
                changed[spec.name] = new
    return changed, misfits


def _gaps(signature: Signature, frame: "pd.DataFrame") -> tuple[str, ...]:
    has_gaps = frame.isna().any()
    return tuple(
        spec.name for spec in signature.inputs if not spec.optional and has_gaps.get(spec.name, default=False)
    )
