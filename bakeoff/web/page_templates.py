"""Templates: everything that is put into one is escaped, and a name that a template lacks is an error."""

from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from bakeoff.domain.ids_and_times import iso, utc_now
from bakeoff.domain.wording import counted
from bakeoff.web.charts.escaped_markup import Markup, escape, joined_markup, name_of, tag
from bakeoff.web.charts.icons_badges_and_marks import icon, outcome_sign, state_badge
from bakeoff.web.charts.number_text import brief, duration_text, fixed_text, metric_title, signed_text
from bakeoff.web.static_files import address

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_SHORT_ID = 8


@cache
def environment() -> Environment:
    made = Environment(
        loader=PackageLoader("bakeoff.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=_cleaned,
    )
    filters: dict[str, Any] = {
        "ago": ago,
        "brief": brief,
        "code": with_code,
        "duration": duration_text,
        "fixed": fixed_text,
        "iso": iso,
        "metric": metric_title,
        "moment": moment,
        "name": name_of,
        "part": path_part,
        "short": short_id,
        "signed": signed_text,
        "state": state_badge,
    }
    made.filters.update(filters)
    made.globals.update(static=address, icon=icon, outcome=outcome_sign, counted=counted)
    return made


def render(template: str, data: dict[str, Any]) -> str:
    return environment().get_template(template).render(data)


def _cleaned(value: Any) -> Any:
    """Escapes texts, and what nobody can see in them; numbers and markup stay. None is a mistake of ours."""
    if value is None:
        raise TypeError("None was put into a page: the template must say what is shown instead")
    is_text = isinstance(value, str) and not hasattr(value, "__html__")
    return escape(value) if is_text else value


def with_code(text: str) -> Markup:
    """What stands between backticks in our messages is a command or a key: as code."""
    parts = text.split("`")
    return joined_markup(tag("code", part) if place % 2 else part for place, part in enumerate(parts))


def path_part(text: str) -> str:
    """As a part of a path. The dot of an ending that would ask for a table is written as %2E."""
    quoted = quote(text, safe="")
    stem, dot, ending = quoted.rpartition(".")
    return f"{stem}%2E{ending}" if dot and ending in {"csv", "json", "md"} else quoted


def short_id(text: str) -> str:
    return text[:_SHORT_ID]


def moment(at: datetime) -> str:
    """`28 Nov, 02:00`, with the year if it is another one. Times are UTC, as the foot of each page says."""
    year = "" if at.year == utc_now().year else f" {at.year}"
    return f"{at.day} {at:%b}{year}, {at:%H:%M}"


def ago(at: datetime, now: datetime | None = None) -> str:
    """`3 min ago`, `in 2 h`: with one unit, since nobody compares these to the second."""
    seconds = ((now or utc_now()) - at).total_seconds()
    size = abs(seconds)
    if size < _MINUTE_S:
        amount = f"{size:.0f} s"
    elif size < _HOUR_S:
        amount = f"{size // _MINUTE_S:.0f} min"
    elif size < 2 * _DAY_S:
        amount = f"{size // _HOUR_S:.0f} h"
    else:
        amount = f"{size // _DAY_S:.0f} d"
    return f"in {amount}" if seconds < 0 else f"{amount} ago"
