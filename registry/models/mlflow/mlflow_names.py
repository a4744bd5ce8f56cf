"""The name of a model in MLflow: its own, with the characters escaped that MLflow refuses.

churn      churn
a/b        a%2Fb
..         %2E.
"""

import posixpath
import re
from urllib.parse import unquote

_LONGEST_KEY = 250
_KEY = re.compile(rf"[\w.\- :/]{{1,{_LONGEST_KEY}}}")
_REFUSED = re.compile(r"[%/:?;#'\"`\\\x00-\x1f\x7f]|^\.")


def to_mlflow(name: str) -> str:
    return _REFUSED.sub(lambda found: f"%{ord(found[0]):02X}", name)


def from_mlflow(name: str) -> str:
    return unquote(name)


def is_key(text: str) -> bool:
    """Whether MLflow accepts it as the name of a parameter, a metric or a tag."""
    return _KEY.fullmatch(text) is not None and posixpath.normpath(text) == text and text[0] not in "./"


def to_key(text: str) -> str:
    return text if is_key(text) else re.sub(r"[^\w. -]", "_", text)[:_LONGEST_KEY].lstrip(".") or "_"
