"""Which lines of a leaderboard stand for the members of a grid: one for the best, and all of them on demand.

A grid of three hundred would bury the other candidates. Nothing is judged here: the verdict, its bands and
its places count every member, whichever lines are shown. Terminal, pages and reports fold by this rule alone.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Family:
    """The candidates that one entry of the catalog became by its grid."""

    name: str
    rows: Sequence[Record]  #: of those with a result, in the order of the leaderboard
    failed: Sequence[Record]  #: of those without one

    @property
    def size(self) -> int:
        return len(self.rows) + len(self.failed)


@dataclass(frozen=True, kw_only=True)
class FoldedBoard:
    rows: Sequence[Record]  #: that are shown
    failed: Sequence[Record]
    families: Sequence[Family]  #: of which some members are not shown

    def note_on(self, record: Record) -> str:
        """What stands beside the member that is shown for the others: `best of 12 of forest`."""
        family = self.family_of(record)
        if family is None:
            return ""
        if any(row is record for row in family.rows[:1]):
            return f"best of {family.size} of {family.name}"
        if not family.rows and any(one is record for one in family.failed[:1]):
            return f"first of {family.size} of {family.name}"
        return ""

    def more_failed(self, record: Record) -> int:
        """How many other members have no result, beside the one that is shown for them."""
        family = self.family_of(record)
        return len(family.failed) - 1 if family and record is family.failed[0] else 0

    def family_of(self, record: Record) -> Family | None:
        """None where all members are shown, and for a candidate of no grid."""
        return next((one for one in self.families if one.name == record.get("family")), None)


def families_of(rows: Sequence[Record], failed: Sequence[Record]) -> list[Family]:
    """The grids with more than one member, in the order of their best ones."""
    names = dict.fromkeys(one["family"] for one in (*rows, *failed) if one.get("family"))
    found = [
        Family(
            name=name,
            rows=[row for row in rows if row.get("family") == name],
            failed=[one for one in failed if one.get("family") == name],
        )
        for name in names
    ]
    return [family for family in found if family.size > 1]


def fold(
    rows: Sequence[Record],
    failed: Sequence[Record],
    *,
    unfolded: Collection[str] = (),
    keep: Collection[str | None] = (),
) -> FoldedBoard:
    """`unfolded`: names of families that are shown whole. `keep`: ids of candidates that always are."""
    hiding: list[Family] = []
    hidden: set[int] = set()
    for family in families_of(rows, failed):
        if family.name in unfolded:
            continue
        others = [one for one in (*family.rows[1:], *family.failed[1:]) if one["modelId"] not in keep]
        hidden |= {id(one) for one in others}
        hiding += [family] if others else []
    return FoldedBoard(
        rows=[row for row in rows if id(row) not in hidden],
        failed=[one for one in failed if id(one) not in hidden],
        families=hiding,
    )
