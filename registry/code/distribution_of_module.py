"""Finds the installed distribution that a module comes from, and its version, without importing anything."""

import hashlib
import importlib.util
import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES

#: Modules that are common in plugins and have another name than their distribution.
DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "skopt": "scikit-optimize",
    "imblearn": "imbalanced-learn",
    "cv2": "opencv-python",
    "PIL": "pillow",
    "yaml": "pyyaml",
    "pytorch_tabnet": "pytorch-tabnet",
    "pytorch_lightning": "pytorch-lightning",
    "sentence_transformers": "sentence-transformers",
    "umap": "umap-learn",
    "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
}

_SEPARATORS = re.compile(r"[-_.]+")
_OWN_FOLDERS = (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
_LIBRARY_FOLDERS = ("/site-packages", "/dist-packages")

#: The version of a candidate whose entry gives none and that comes from no distribution.
FIRST_VERSION = "1"


def name_of(module: str) -> str:
    """The distribution to install for this module, as far as can be known without asking an index."""
    top = module.partition(".")[0]
    return DISTRIBUTIONS.get(top, top)


def version_of(path: str) -> str:
    """The version of the distribution that the class of this path comes from, such as scikit-learn."""
    module = path.rpartition(":")[0]
    if module.endswith(".py"):
        return FIRST_VERSION
    try:
        return metadata.version(name_of(module))
    except metadata.PackageNotFoundError:
        return _version_of_owner(module.partition(".")[0])


@cache
def _version_of_owner(top: str) -> str:
    """Slow, since it reads what all distributions contain; called only for modules that exist."""
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:
        spec = None
    if spec is None or spec.origin is None:
        return FIRST_VERSION
    owners = metadata.packages_distributions().get(top)
    return metadata.version(owners[0]) if owners else FIRST_VERSION


def library_folders() -> tuple[str, ...]:
    """The folders into which pip installs modules."""
    others = (path for path in sys.path if path.endswith(_LIBRARY_FOLDERS))
    return tuple(dict.fromkeys((*_OWN_FOLDERS, *others)))


def identity_of(distribution: str) -> str | None:
    """The version of a distribution and a digest of its files; None if it is not installed.

    The digest is needed since the same version may be installed again from other sources.
    """
    return _identity(distribution, installed_last())


def identities_of(distributions: Iterable[str]) -> dict[str, str]:
    """Identities by name; those that are not installed are absent."""
    installed = installed_last()
    return {name: found for name in distributions if (found := _identity(name, installed))}


def owners_of(module: str) -> tuple[str, ...]:
    """The distributions that this installed module, or parts of it, come from."""
    return _owners(module.partition(".")[0], installed_last())


def canonical(distribution: str) -> str:
    """The name as an index writes it: `Scikit_Learn` is `scikit-learn`."""
    return _SEPARATORS.sub("-", distribution).lower()


def holds(distribution: str, module: str) -> bool:
    """Whether this distribution is installed and says itself that the module is one of its files."""
    place = module.replace(".", "/")
    suffixes = ("/__init__.py", ".py", *EXTENSION_SUFFIXES)
    return not _files_of(distribution, installed_last()).isdisjoint(place + suffix for suffix in suffixes)


def installed_last() -> tuple[int, ...]:
    """A value that changes whenever something is installed or removed."""
    return tuple(os.stat(folder).st_mtime_ns for folder in library_folders() if os.path.isdir(folder))  # noqa: PTH112, PTH116 - faster


@lru_cache(maxsize=1024)
def _identity(name: str, _installed: tuple[int, ...]) -> str | None:
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    files = "\n".join(sorted(_files_in(found.read_text("RECORD") or "")))
    return f"{found.version} {hashlib.sha256(files.encode()).hexdigest()[:16]}"


def _files_in(record: str) -> list[str]:
    """The lines of the record about modules and data, which are the same wherever it is installed."""
    return [
        line
        for line in record.splitlines()
        if ",sha256=" in line and ".dist-info/" not in line and not line.startswith("../")
    ]


@lru_cache(maxsize=64)
def _files_of(name: str, _installed: tuple[int, ...]) -> frozenset[str]:
    try:
        record = metadata.distribution(name).read_text("RECORD") or ""
    except metadata.PackageNotFoundError:
        return frozenset()
    return frozenset(line.partition(",")[0] for line in record.splitlines())


@lru_cache(maxsize=1024)
def _owners(top: str, installed: tuple[int, ...]) -> tuple[str, ...]:
    likely = name_of(top)
    try:
        record = metadata.distribution(likely).read_text("RECORD") or ""
    except metadata.PackageNotFoundError:
        record = ""
    if any(line.startswith((f"{top}/", f"{top}.")) for line in record.splitlines()):
        return (likely,)
    return tuple(sorted(set(_all_owners(installed).get(top, ()))))


@lru_cache(maxsize=1)
def _all_owners(_installed: tuple[int, ...]) -> Mapping[str, list[str]]:
    """Slow, since it reads what all distributions contain."""
    return metadata.packages_distributions()
