"""An item is a result of another system, described by features. It gets a score, and labels from people.

The sender chooses its id. If it comes again with other features, the item has changed.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.ids_and_times import iso, iso_or_none

#: The values that features and labels may have.
Value = str | int | float | bool

LONGEST_ID = 200

_ID = re.compile(rf"[^\x00-\x1f\x7f]{{1,{LONGEST_ID}}}")


def check_item_id(text: str) -> str:
    if _ID.fullmatch(text):
        return text
    raise InvalidInputError(
        f"{text[:LONGEST_ID]!r} is no id of a result: expected 1 to {LONGEST_ID} printable characters"
    )


def same(one: Any, other: Any) -> bool:
    """Whether both are the same JSON: unlike Python, it distinguishes true from 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@dataclass(frozen=True, kw_only=True)
class Item:
    id: str
    features: Mapping[str, Value | None]


@dataclass(frozen=True, kw_only=True)
class Score:
    value: float  #: from -1 to 1
    version: str  #: what gave it: the URI of a model version, or `baseline`


@dataclass(frozen=True, kw_only=True)
class StoredItem:
    position: int  #: rises in the order in which items were first received
    item: Item
    received_at: datetime  #: with these features
    score: Score | None
    scored_at: datetime | None

    def to_record(self) -> dict[str, Any]:
        return {
            "id": self.item.id,
            "features": dict(self.item.features),
            "receivedAt": iso(self.received_at),
            "relevanceScore": self.score.value if self.score else None,
            "scoreVersion": self.score.version if self.score else None,
            "scoredAt": iso_or_none(self.scored_at),
        }


@dataclass(frozen=True, kw_only=True)
class Label:
    """The value that a person or program gave to an item. The last one of each person or program counts."""

    item_id: str
    value: Value
    by: str


@dataclass(frozen=True, kw_only=True)
class StoredLabel:
    position: int
    label: Label
    at: datetime

    def to_record(self) -> dict[str, Any]:
        return {
            "resultId": self.label.item_id,
            "label": self.label.value,
            "by": self.label.by,
            "at": iso(self.at),
        }


@dataclass(frozen=True, kw_only=True)
class Intake:
    """How many of the items or labels that were received were new."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: "Intake") -> "Intake":
        return Intake(
            new=self.new + other.new,
            changed=self.changed + other.changed,
            unchanged=self.unchanged + other.unchanged,
        )

    @property
    def total(self) -> int:
        return self.new + self.changed + self.unchanged

    def to_record(self) -> dict[str, int]:
        return {
            "received": self.total,
            "new": self.new,
            "changed": self.changed,
            "unchanged": self.unchanged,
        }
