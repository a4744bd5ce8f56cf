"""The tokens of the API: one line `name:role:sha256` each. The file holds hashes, so it reveals no token.

The file is read again when it has changed: an added or removed line takes effect with the next request.
"""

import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bakeoff.domain.errors import ConflictError, InfrastructureError, InvalidInputError

_PREFIX = "bakeoff_"
_RANDOM_BYTES = 32
_LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,64}):(?P<role>user|admin):(?P<digest>[0-9a-f]{64})")


class Role(StrEnum):
    USER = "user"  #: reads everything; starts, cancels and retries runs; sends results and labels
    ADMIN = "admin"  #: also changes what others rely on: the catalog, what is in Production


@dataclass(frozen=True, kw_only=True)
class Principal:
    """The sender of a request."""

    name: str
    role: Role


LOCAL = Principal(name="local", role=Role.ADMIN)
ENVIRONMENT = Principal(name="environment", role=Role.ADMIN)


@dataclass(frozen=True, kw_only=True)
class Token:
    owner: Principal
    digest: str  #: SHA-256, in hex


class Tokens:
    def __init__(self, file: Path, *, from_environment: str | None = None) -> None:
        """`from_environment`: the digest of a token that is in no file."""
        self._file = file
        self._fixed = [Token(owner=ENVIRONMENT, digest=from_environment)] if from_environment else []
        self._mark: tuple[int, ...] | None = None
        self._read: list[Token] = []

    def known(self) -> list[Token]:
        mark = self._look()
        if mark != self._mark:
            self._read, self._mark = read(self._file), mark
        return [*self._fixed, *self._read]

    def find(self, presented: str) -> Token | None:
        """Compares every token in constant time, so that the time of the answer reveals nothing."""
        digest = _digest(presented)
        found = [token for token in self.known() if hmac.compare_digest(token.digest, digest)]
        return found[0] if found else None

    def owner(self, presented: str) -> Principal | None:
        found = self.find(presented)
        return found.owner if found else None

    def _look(self) -> tuple[int, ...] | None:
        try:
            stat = self._file.stat()
        except FileNotFoundError:
            return None
        return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def read(file: Path) -> list[Token]:
    """Empty lines, and comments that begin with #, are skipped."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as exc:
        raise InfrastructureError(f"the tokens in {file} cannot be read: {exc}") from exc
    texts = {number: line.strip() for number, line in enumerate(lines, start=1)}
    return [_parse(text, file, number) for number, text in texts.items() if text and not text.startswith("#")]


def _parse(text: str, file: Path, number: int) -> Token:
    """The error does not quote the line: it may hold the token itself by mistake."""
    found = _LINE.fullmatch(text)
    if found is None:
        raise InvalidInputError(
            f"{file}, line {number} is no token: expected name:role:sha256, with role user or admin; "
            "`bakeoff api token NAME` adds such a line"
        )
    return Token(owner=Principal(name=found["name"], role=Role(found["role"])), digest=found["digest"])


def add(file: Path, name: str, role: Role) -> str:
    """Returns the new token. It is stored nowhere: the file holds only its hash."""
    token = _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    line = f"{name}:{role}:{_digest(token)}"
    if not _LINE.fullmatch(line):
        raise InvalidInputError(
            f"{name!r} is no name for a token: use up to 64 letters, digits, `.`, `_` and `-`"
        )
    if any(known.owner.name == name for known in read(file)):
        raise ConflictError(
            f"{file} has a token of {name} already: remove its line first, or use another name"
        )
    _append(file, line)
    return token


def _append(file: Path, line: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(f"{line}\n")
    except OSError as exc:
        raise InfrastructureError(f"the token cannot be written to {file}: {exc}") from exc


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
