"""Sessions of the pages, kept in a signed cookie: `name.expiry.mac`. There is no table of sessions.

The mac is made with a secret of the server and with the digest of the token that was presented at login. So a
session ends when the line of its token is removed, when it expires, or when the secret is deleted.
"""

import hashlib
import hmac
import os
import secrets
import tempfile
import time
from collections import deque
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from pathlib import Path

from starlette.datastructures import Headers

from bakeoff.api.security.tokens import LOCAL, Principal, Token, Tokens
from bakeoff.domain.errors import InfrastructureError

LIFETIME_S = 12 * 3600
COOKIE = "bakeoff_session"

#: Over HTTPS. A browser accepts a cookie of this prefix only from this host, for all paths, and secure.
SECURE_COOKIE = "__Host-bakeoff_session"

_SECRET_BYTES = 32
_MOST_TRIES, _TRIES_WITHIN_S, _MOST_ADDRESSES = 5, 60.0, 10_000


class PageSessions:
    def __init__(self, tokens: Tokens, secret_file: Path, clock: Callable[[], float] = time.time) -> None:
        self._tokens = tokens
        self._secret_file = secret_file
        self._clock = clock
        self._secret: bytes | None = None
        self.tries = LoginTries()

    @property
    def needs_login(self) -> bool:
        """Whether there are tokens. Without any, every user of this machine may look, and is admin."""
        return bool(self._tokens.known())

    def begin(self, presented: str) -> str | None:
        """The value of the cookie for whoever presents this token; None if the token is not known."""
        token = self._tokens.find(presented.strip())
        if token is None:
            return None
        expiry = int(self._clock()) + LIFETIME_S
        return f"{token.owner.name}.{expiry}.{self._mac(token, expiry)}"

    def owner(self, headers: Headers) -> Principal | None:
        """Whose session the request belongs to; None without a session, or after its end."""
        cookie = cookie_in(headers)
        name, _, rest = cookie.rpartition(".")[0].rpartition(".")
        mac = cookie.rpartition(".")[2]
        if not (rest.isascii() and rest.isdecimal()) or int(rest) <= self._clock():
            return None
        known = [token for token in self._tokens.known() if token.owner.name == name]
        valid = [token.owner for token in known if hmac.compare_digest(self._mac(token, int(rest)), mac)]
        return valid[0] if valid else None

    def form_token(self, headers: Headers) -> str:
        """What a form of this session must carry. Without sessions it is that of this server."""
        return self._sign(f"form\n{cookie_in(headers) or LOCAL.name}")

    def accepts_form(self, headers: Headers, presented: str) -> bool:
        return hmac.compare_digest(self.form_token(headers).encode(), presented.encode())

    def _mac(self, token: Token, expiry: int) -> str:
        return self._sign(f"session\n{token.owner.name}\n{expiry}\n{token.digest}")

    def _sign(self, text: str) -> str:
        if self._secret is None:
            self._secret = _read_or_make(self._secret_file)
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()


def cookie_in(headers: Headers) -> str:
    """The value of the session's cookie; empty without one."""
    found = cookies_in(headers)
    return found.get(SECURE_COOKIE) or found.get(COOKIE, "")


def cookies_in(headers: Headers) -> dict[str, str]:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(headers.get("cookie", ""))
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in jar.items()}


def _read_or_make(file: Path) -> bytes:
    """The secret. Two processes that make it at once end with the same one, and a killed one leaves none."""
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".secret-") as made:  # mode 0600
                made.write(secrets.token_bytes(_SECRET_BYTES))
                made.flush()
                _link(made.name, file)
        return file.read_bytes()
    except OSError as exc:
        raise InfrastructureError(
            f"the secret of the pages' sessions cannot be kept in {file}: {exc.strerror or exc}"
        ) from exc


def _link(made: str, file: Path) -> None:
    """Links the file: a link appears with its whole content, and fails if another process was first."""
    try:
        os.link(made, file)
    except FileExistsError:
        return


class LoginTries:
    """Counts failed logins of each address: five within a minute, then it has to wait."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: dict[str, deque[float]] = {}

    def may_try(self, address: str) -> bool:
        tries = self._failed.get(address)
        while tries and tries[0] <= self._clock() - _TRIES_WITHIN_S:
            tries.popleft()
        return len(tries or ()) < _MOST_TRIES

    def failed(self, address: str) -> None:
        if len(self._failed) >= _MOST_ADDRESSES:
            self._failed.clear()  # somebody tries from everywhere: the counts must not fill the memory
        self._failed.setdefault(address, deque()).append(self._clock())
