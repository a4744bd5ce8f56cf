"""What a process tells those who look after it: lines to read on a terminal, a JSON object a line elsewhere.

Ids are bound where the work on something begins. They then stand in every line, also in those of libraries.

A complaint: what goes wrong again and again is said once, and so is its end.
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

from bakeoff.domain.identity import iso


class LogFormat(StrEnum):
    AUTO = "auto"  #: text on a terminal, JSON elsewhere
    TEXT = "text"
    JSON = "json"


_NOTHING: Mapping[str, Any] = MappingProxyType({})
_bound: ContextVar[Mapping[str, Any]] = ContextVar("bound", default=_NOTHING)

#: They tell of every step at INFO.
_TALKATIVE = ("alembic", "celery.worker.strategy")

_UUID, _SHORT = 36, 8

#: What a line in JSON begins with.
_MARK = '{"timestamp": '


def begin(**ids: Any) -> None:
    """From here on, in this context, it is about these and nothing else."""
    _bound.set(ids)


def add(**ids: Any) -> None:
    """More is known of what it is about."""
    _bound.set({**_bound.get(), **ids})


@contextmanager
def about(**ids: Any) -> Iterator[None]:
    """Within this block it is about these, too."""
    token = _bound.set({**_bound.get(), **ids})
    try:
        yield
    finally:
        _bound.reset(token)


def set_up(level: int | str, form: LogFormat, file: Path | None = None) -> None:
    """For the whole process, in place of what there was. Standard error is where it goes without a file."""
    handler = logging.StreamHandler(sys.stderr) if file is None else logging.FileHandler(file)
    as_text = form is LogFormat.TEXT or (form is LogFormat.AUTO and file is None and sys.stderr.isatty())
    handler.setFormatter(_Text() if as_text else _Json())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def set_up_for_strangers() -> None:
    """For code that may want to log in its own way: this is how it comes out if it does not."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json())
    logging.lastResort = handler
    logging.getLogger().setLevel(logging.INFO)


def readable(line: str) -> str:
    """A line in JSON as it would be on a terminal, without its ids; any other as it is."""
    if not (line.startswith(_MARK) and line.endswith("}\n")):
        return line
    try:
        said = json.loads(line)
        head = f"{said['timestamp']} {said['level'].upper()} {said['logger']}: {said['message']}\n"
        return head + (said["traceback"] + "\n" if "traceback" in said else "")
    except (ValueError, KeyError, AttributeError, TypeError):
        return line  # strangers write what they like


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        said = {
            "timestamp": _when(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
            **_bound.get(),
        }
        if (trace := _trace(self, record)) is not None:
            said["traceback"] = trace
        return json.dumps(said, default=str)  # ASCII: nothing in it can look like the end of a line


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = f"{_when(record)} {record.levelname} {record.name}: {record.getMessage()}"
        if ids := " ".join(f"{name}={_short(value)}" for name, value in _bound.get().items()):
            line += f" [{ids}]"
        trace = _trace(self, record)
        return line if trace is None else f"{line}\n{trace}"


def _short(value: Any) -> str:
    """As many characters of an id as people need to find it again, and none that steers their terminal."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value))
    return text[:_SHORT] if len(text) == _UUID else text


def _when(record: logging.LogRecord) -> str:
    return iso(datetime.fromtimestamp(record.created, UTC))


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str | None:
    if record.exc_info and record.exc_info[0] is not None:
        return formatter.formatException(record.exc_info)
    return record.stack_info


class RepeatedWarning:
    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._said: str | None = None

    def make(self, text: str) -> None:
        if text != self._said:
            self._log.warning("%s", text)
        self._said = text

    def withdraw(self) -> None:
        """All is well."""
        if self._said is not None:
            self._log.info("that is over: %s", self._said)
        self._said = None
