"""Why a candidate has no result, in a line: what was raised, where, and what to do about it."""

from collections.abc import Mapping
from typing import Any

from bakeoff.web.charts.markup import Markup, joined_markup, tag

_LONGEST = 300


def why_failed(error: Mapping[str, Any] | None) -> Markup:
    """`error`: its record, None for what was cancelled. Of a long message, the beginning is shown."""
    if error is None:
        return tag("span", "stopped before it had a result", class_="bo-quiet")
    message = " ".join(error["message"].split()).rstrip(".")
    if len(message) > _LONGEST:
        message = f"{message[:_LONGEST]}…"
    hint = tag("span", f" {error['hint']}", class_="bo-quiet") if error["hint"] else None
    return joined_markup([tag("strong", error["type"]), f" in {error['phase']}: {message}.", hint])
