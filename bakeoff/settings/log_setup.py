"""Logging: lines of text on a terminal, one JSON object per line elsewhere.

The ids of a run or a job are set where the work on it begins. They are then in every line that is logged in
this context, also in those of libraries.
"""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bakeoff.domain.ids_and_times import iso


class LogFormat(StrEnum):
    AUTO = "auto"  #: text on a terminal, JSON elsewhere
    TEXT = "text"
    JSON = "json"


_NOTHING: Mapping[str, Any] = MappingProxyType({})
_ids: ContextVar[Mapping[str, Any]] = ContextVar("ids", default=_NOTHING)

#: Libraries that log every step at INFO.
_VERBOSE = ("alembic", "celery.worker.strategy")

_UUID, _SHORT = 36, 8

#: The first keys of a line in JSON.
_MARK = '{"timestamp": '


def set_ids(**ids: Any) -> None:
    """Set the ids of this context, in place of all others."""
    _ids.set(ids)


def add_ids(**ids: Any) -> None:
    """Add to the ids of this context."""
    _ids.set({**_ids.get(), **ids})


@contextmanager
def with_ids(**ids: Any) -> Iterator[None]:
    """Add these ids within a block."""
    token = _ids.set({**_ids.get(), **ids})
    try:
        yield
    finally:
        _ids.reset(token)


def set_up(level: int | str, form: LogFormat, file: Path | None = None) -> None:
    """Sets up logging for the whole process, and replaces what was set up before. None: standard error."""
    handler = logging.StreamHandler(sys.stderr) if file is None else logging.FileHandler(file)
    as_text = form is LogFormat.TEXT or (form is LogFormat.AUTO and file is None and sys.stderr.isatty())
    handler.setFormatter(_Text() if as_text else _Json())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _VERBOSE:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def set_up_for_plugins() -> None:
    """For cells: what a plugin logs is printed like this, unless the plugin sets up logging itself."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json())
    logging.lastResort = handler
    logging.getLogger().setLevel(logging.INFO)


def readable(line: str) -> str:
    """A line in JSON as it would look on a terminal, without its ids; any other line unchanged."""
    if not (line.startswith(_MARK) and line.endswith("}\n")):
        return line
    try:
        entry = json.loads(line)
        head = f"{entry['timestamp']} {entry['level'].upper()} {entry['logger']}: {entry['message']}\n"
        return head + (entry["traceback"] + "\n" if "traceback" in entry else "")
    except (ValueError, KeyError, AttributeError, TypeError):
        return line  # a plugin may print anything that begins like one of our lines


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "timestamp": _when(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
            **_ids.get(),
        }
        if (trace := _trace(self, record)) is not None:
            entry["traceback"] = trace
        return json.dumps(entry, default=str)  # ASCII: nothing in it can look like the end of a line


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = f"{_when(record)} {record.levelname} {record.name}: {record.getMessage()}"
        if ids := " ".join(f"{name}={_short(value)}" for name, value in _ids.get().items()):
            line += f" [{ids}]"
        trace = _trace(self, record)
        return line if trace is None else f"{line}\n{trace}"


def _short(value: Any) -> str:
    """The beginning of an id, which commands accept, too, without control characters."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value))
    return text[:_SHORT] if len(text) == _UUID else text


def _when(record: logging.LogRecord) -> str:
    return iso(datetime.fromtimestamp(record.created, UTC))


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str | None:
    if record.exc_info and record.exc_info[0] is not None:
        return formatter.formatException(record.exc_info)
    return record.stack_info


class RepeatedWarning:
    """A warning about something that goes wrong repeatedly. It is logged once, and so is the end of it."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._last: str | None = None

    def warn(self, text: str) -> None:
        if text != self._last:
            self._log.warning("%s", text)
        self._last = text

    def resolve(self) -> None:
        """Logs that it is over, if the warning was logged before."""
        if self._last is not None:
            self._log.info("that is over: %s", self._last)
        self._last = None
