"""Parts of messages: lists of words, the known word that is most similar, and numbers with a noun."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any

_MOST_LISTED = 20
_MOST_QUOTED = 120  #: characters
_ALL_NAMED = 4
_THOUSAND = 1000


def listed(words: Iterable[str]) -> str:
    """The words, quoted; of many, the first ones and how many more there are."""
    known = list(words)
    shown = ", ".join(repr(word) for word in known[:_MOST_LISTED])
    more = len(known) - _MOST_LISTED
    return f"{shown} and {more} more" if more > 0 else shown or "none"


def cut(text: str, most: int) -> str:
    """The text; of one that is longer, its beginning and its end, and how much is missing between them."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}[... {len(text) - 2 * half:,} characters ...]{text[-half:]}"


def quoted(value: object) -> str:
    """What the caller gave, as it is quoted in an error: a long text is cut, so that the cure is seen."""
    return cut(repr(value), _MOST_QUOTED)


def joined(parts: Sequence[str]) -> str:
    """`a, b and c`"""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def joined_in_brief(parts: Sequence[str]) -> str:
    """Up to four, all of them; of more, three: `a, b, c and 297 more`"""
    if len(parts) <= _ALL_NAMED:
        return joined(parts)
    return f"{', '.join(parts[: _ALL_NAMED - 1])} and {len(parts) - _ALL_NAMED + 1:,} more"


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or nothing when no word is similar."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size(size_bytes: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size_bytes < _THOUSAND:
            return f"{size_bytes:.3g} {unit}"
        size_bytes /= _THOUSAND
    return f"{size_bytes:,.1f} GB"


_FIELDS = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")
_OPEN_QUOTE = re.compile(r"EOF inside string starting at row (\d+)")


def broken_csv(file: object, told: str) -> str:
    """What is wrong with a CSV file, and the cure. `told`: the message of the parser, which tells it."""
    if fields := _FIELDS.search(told):
        return (
            f"{file} cannot be read as CSV: line {fields[2]} has {counted(int(fields[3]), 'value')} "
            f"and those above have {fields[1]}: put a value that holds the separator in double quotes, "
            "and take away a separator that ends a line"
        )
    if quote := _OPEN_QUOTE.search(told):
        return (
            f"{file} cannot be read as CSV: a double quote opens in row {quote[1]} and is not closed before "
            "the end of the file: close it, or write it twice where it is part of a value"
        )
    return f"{file} cannot be read as CSV: {told.strip()}"


_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):([^/\s]*)@")
_IN_QUERY = re.compile(r"(?i)([?&](?:password|passwd|secret|token)=)[^&\s]*")


def masked(text: str) -> str:
    return _IN_QUERY.sub(r"\1***", _PASSWORD.sub(r"\1:***@", text))


def masked_within(value: Any) -> Any:
    """The value with every text in its mappings and lists masked."""
    if isinstance(value, dict):
        return {key: masked_within(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [masked_within(inner) for inner in value]
    return masked(value) if isinstance(value, str) else value
