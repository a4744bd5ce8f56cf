"""Masks the values of variables that a cell was given, in what it prints and reports."""

import json
import re
from collections.abc import Iterable
from typing import Any

_SHORTEST = 8  #: characters: masking `1` or `true` would hide nothing and spoil every log
_MASK = b"***"


class SecretMask:
    """Its methods for a stream keep back what may be the beginning of a value that the next part ends."""

    def __init__(self, values: Iterable[str]) -> None:
        found = {form for value in values if len(value) >= _SHORTEST for form in _forms(value)}
        secrets = sorted(found, key=len, reverse=True)
        self._secrets = [secret.encode("utf-8", "surrogateescape") for secret in secrets]
        self._text = re.compile("|".join(map(re.escape, secrets))) if secrets else None
        self._bytes = re.compile(b"|".join(map(re.escape, self._secrets))) if secrets else None
        self._held = b""

    def of_text(self, text: str) -> str:
        return text if self._text is None else self._text.sub(_MASK.decode(), text)

    def of_value(self, value: Any) -> Any:
        """Of a value as JSON has it: all texts in it, those of its keys, too."""
        if self._text is None:
            return value
        match value:
            case str():
                return self.of_text(value)
            case list():
                return [self.of_value(one) for one in value]
            case dict():
                return {self.of_text(key): self.of_value(one) for key, one in value.items()}
        return value

    def of_stream(self, data: bytes) -> bytes:
        if self._bytes is None:
            return data
        data = self._held + data
        sure = self._sure(data, self._bytes)
        self._held = data[sure:]
        return self._bytes.sub(_MASK, data[:sure])

    def rest(self) -> bytes:
        held, self._held = self._held, b""
        return held if self._bytes is None else self._bytes.sub(_MASK, held)

    def _sure(self, data: bytes, secrets: re.Pattern[bytes]) -> int:
        """How many of the bytes the next part cannot turn into a part of a value, or of a longer one."""
        sure = self._end_of_sure(data, 0)
        for match in secrets.finditer(data):
            if match.start() < sure < match.end():  # it ends as it begins: it is masked as a whole
                sure = self._end_of_sure(data, match.end())
        return sure

    def _end_of_sure(self, data: bytes, start: int) -> int:
        return len(data) - max(len(self._overlap(data[start:], secret)) for secret in self._secrets)

    @staticmethod
    def _overlap(data: bytes, secret: bytes) -> bytes:
        """The longest beginning of the secret with which the data end."""
        longest = min(len(secret) - 1, len(data))
        return next((secret[:size] for size in range(longest, 0, -1) if data.endswith(secret[:size])), b"")


def _forms(value: str) -> Iterable[str]:
    """The value as it is, and as a repr and JSON write it: a key of several lines looks different there."""
    return value, repr(value)[1:-1], json.dumps(value)[1:-1]
