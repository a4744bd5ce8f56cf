"""Builds HTML and SVG in which every text is escaped.

`tag("td", name, title=note)` escapes `name` and `note`, whoever wrote them. What is `Markup` already stays as
it is. Geometry stands in attributes and looks stand in classes: no `style` attribute is ever written, because
a strict Content-Security-Policy would ignore it.
"""

import html
import math
import re
from collections.abc import Iterable
from typing import Final

#: Control characters, and marks that turn the direction of text: they can make a name look like another.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_REPLACEMENT: Final = "\ufffd"
_VOID = frozenset({"br", "col", "hr", "img", "input", "link", "meta"})
#: SVG has attributes with capitals.
_CAPITALS = {"view_box": "viewBox", "preserve_aspect_ratio": "preserveAspectRatio"}


class Markup(str):
    """Text that is markup and is not escaped again, by `tag` or by a Jinja template."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


Child = str | int | float | None
Attribute = str | int | float | bool | None


def escape(text: object) -> Markup:
    """Escaped for contents and for quoted attributes; what nobody can see becomes a replacement character."""
    if isinstance(text, Markup):
        return text
    return Markup(html.escape(_UNSEEN.sub(_REPLACEMENT, str(text))))


def tag(name: str, /, *children: Child, **attributes: Attribute) -> Markup:
    """`class_` is `class`, `aria_label` is `aria-label`. None and False leave the child or attribute out."""
    opened = f"<{name}{''.join(_attribute(key, value) for key, value in attributes.items())}>"
    if name in _VOID:
        return Markup(opened)
    return Markup(f"{opened}{''.join(escape(child) for child in children if child is not None)}</{name}>")


def joined_markup(parts: Iterable[Child]) -> Markup:
    return Markup("".join(escape(part) for part in parts if part is not None))


def name_of(text: str, **attributes: Attribute) -> Markup:
    """A name that others chose. Isolated, so that one in a right-to-left script does not reorder the line."""
    return tag("bdi", text, **attributes)


def hidden(text: str) -> Markup:
    """For screen readers only."""
    return tag("span", text, class_="bo-hidden")


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    key = _CAPITALS.get(key) or key.rstrip("_").replace("_", "-")
    if value is True:
        return f" {key}"
    return f' {key}="{coordinate(value) if isinstance(value, float) else escape(value)}"'


def coordinate(value: float) -> str:
    """At most two decimals: a hundredth of a pixel is not seen, and a report may hold thousands of them."""
    if not math.isfinite(value):
        return "0"
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"


def percent(share: float) -> str:
    """A share of the width, as SVG attributes take it: marks placed so need no script to be responsive."""
    return f"{coordinate(100 * share)}%"
