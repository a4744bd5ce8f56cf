"""From the name of a model to the names of its files: none leaves its folder, and no two models share one.

A plain name, of lower-case letters, digits, `_`, `-` and `.`, is a folder as it is. Any other is made
readable and told apart by its hash, behind a `~`, which no plain name has. So names that differ in case alone
are apart on file systems that ignore it, too. Within a folder, the numbers of the version tell files apart.
"""

import hashlib
import re
from pathlib import PurePath

from domain.model_version import VersionNumber

_PLAIN = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,79}")
_READABLE = 40
PREPROCESSOR = ".preprocessor.pkl"
DATABASE = "registry.db"


def folder_of(model_name: str) -> str:
    if _PLAIN.fullmatch(model_name) and not model_name.endswith("."):
        return model_name
    return f"{_readable(model_name)}~{hashlib.sha256(model_name.encode()).hexdigest()[:32]}"


def file_of(model_type: str, version: VersionNumber) -> str:
    return f"{_readable(model_type)}_{version.major}_{version.minor}_{version.patch}.pkl"


def preprocessor_beside(file: PurePath) -> str:
    return f"{file.stem}{PREPROCESSOR}"


def _readable(text: str) -> str:
    """What is safe in a file name anywhere, and tells a person what it is."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-")[:_READABLE] or "model"
