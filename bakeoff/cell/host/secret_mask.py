"""Masks the values of variables that a cell was given, in what it prints and reports."""

import re
from collections.abc import Iterable

_SHORTEST = 8  #: characters: masking `1` or `true` would hide nothing and spoil every log
_MASK = "***"


class SecretMask:
    """Its methods for a stream keep back what may be the beginning of a value that the next part ends."""

    def __init__(self, values: Iterable[str]) -> None:
        secrets = sorted({value for value in values if len(value) >= _SHORTEST}, key=len, reverse=True)
        self._secrets = [secret.encode("utf-8", "surrogateescape") for secret in secrets]
        self._text = re.compile("|".join(map(re.escape, secrets))) if secrets else None
        self._bytes = re.compile(b"|".join(map(re.escape, self._secrets))) if secrets else None
        self._held = b""

    def of_text(self, text: str) -> str:
        return text if self._text is None else self._text.sub(_MASK, text)

    def of_stream(self, data: bytes) -> bytes:
        if self._bytes is None:
            return data
        data = self._bytes.sub(_MASK.encode(), self._held + data)
        kept = max(map(len, (self._overlap(data, secret) for secret in self._secrets)))
        self._held = data[len(data) - kept :]
        return data[: len(data) - kept]

    def rest(self) -> bytes:
        held, self._held = self._held, b""
        return held

    @staticmethod
    def _overlap(data: bytes, secret: bytes) -> bytes:
        """The longest beginning of the secret with which the data end."""
        longest = min(len(secret) - 1, len(data))
        return next((secret[:size] for size in range(longest, 0, -1) if data.endswith(secret[:size])), b"")
