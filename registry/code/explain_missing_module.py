"""What to do about a module that cannot be found. Nothing is guessed.

a module of the project has nearly that name     did you mean 'domain'? (domain.py of the project)
the project has it in another folder             import it as plugs.helpers
an installed distribution should have it         install that again
a distribution is known to hold it               `pip install scikit-learn` where the workers run
nothing is known                                 correct the name, or install what holds it
"""

import difflib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from itertools import islice
from pathlib import Path

from registry.code.distribution_of_module import DISTRIBUTIONS, owners_of

#: Modules that people name in plugins, whose distribution has their name.
_SAME_NAME = (
    *("catboost", "dask", "gensim", "joblib", "keras", "lightgbm", "lightning", "nltk", "numba", "numpy"),
    *("optuna", "pandas", "polars", "prophet", "pyarrow", "scipy", "shap", "spacy", "statsmodels"),
    *("tensorflow", "torch", "transformers", "xgboost"),
)
_KNOWN: Mapping[str, str] = {**{name: name for name in _SAME_NAME}, **DISTRIBUTIONS}
_ALIKE = 0.75
_DEEPEST = 4
_MOST_FOLDERS = 500
_NEVER_IN = {"__pycache__", "build", "data", "dist", "node_modules", "site-packages", "venv"}


def cure_for(missing: str, *, root: Path, importer: str | None = None, file: Path | None = None) -> str:
    """One line: what the author can do about `missing`.

    `importer` is the module that imports it, `file` the one that the catalog names, if it names a file; both
    are None where the catalog itself names the missing module.
    """
    top, _, rest = missing.partition(".")
    if rest and (cure := _in_package(missing)):
        return cure
    if file and (file.parent / f"{top}.py").exists():
        package = (importer or "").rpartition(".")[0]
        return f"import it as {package}.{top}" if package else "put both files below the folder above config/"
    return (
        _nearly(top, _modules_in(root), "the project has {}")
        or _elsewhere_in(root, top)
        or _installed_in_part(top)
        or _distribution_of(top)
        or _nearly(top, {*sys.stdlib_module_names, *_installed(), *_KNOWN}, "")
        or f"neither the project {root} nor an installed package has it; "
        "correct the name, or install what holds it"
    )


def _in_package(missing: str) -> str | None:
    """The cure for a missing part of a package that is there."""
    above, _, leaf = missing.rpartition(".")
    package = sys.modules.get(above)
    if package is None:
        return None
    folders = list(getattr(package, "__path__", []))
    if not folders:
        return f"{above} is a module, not a package: it has no parts; correct the name"
    names = [module.name for module in pkgutil.iter_modules(folders)]
    owners = owners_of(above) if "-packages" in folders[0] else ()
    whose = f"{' and '.join(owners)} {_version(owners[0])}" if owners else folders[0]
    return _nearly(leaf, names, "") or (
        f"correct the name: {above} is that of {whose}, which has no such part"
    )


def _nearly(name: str, known: Iterable[str], whose: str) -> str | None:
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=_ALIKE)
    if not near:
        return None
    return f"did you mean '{near[0]}'?" + (f" ({whose.format(near[0])})" if whose else "")


def _modules_in(folder: Path) -> list[str]:
    """The names of the modules directly below the folder; a folder with Python files is one."""
    return [
        entry.stem if entry.suffix == ".py" else entry.name
        for entry in _entries(folder)
        if entry.suffix == ".py" or (entry.is_dir() and any(e.suffix == ".py" for e in _entries(entry)))
    ]


def _elsewhere_in(root: Path, name: str) -> str | None:
    """The cure if the module is in a folder of the project that is not on the import path."""
    for folder in _folders_below(root):
        for place in (folder / f"{name}.py", folder / name / "__init__.py"):
            if place.is_file():
                found = place if place.name != "__init__.py" else place.parent
                parts = found.relative_to(root).with_suffix("").parts
                return f"the project has it as {found.relative_to(root)}: import it as {'.'.join(parts)}"
    return None


def _folders_below(root: Path) -> Iterator[Path]:
    """Limited in depth and number, since the project's root may be a home folder."""
    for folder, inside, _ in islice(os.walk(root), _MOST_FOLDERS):
        depth = len(Path(folder).relative_to(root).parts)
        usual = [name for name in sorted(inside) if name.isidentifier() and name not in _NEVER_IN]
        inside[:] = usual if depth < _DEEPEST else []
        yield Path(folder)


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _installed_in_part(top: str) -> str | None:
    """The cure if an installed distribution lists the module: an installation broke off, for example."""
    owners = owners_of(top)
    if not owners or importlib.util.find_spec(top) is not None:
        return None
    owner = f"{owners[0]} {_version(owners[0])}"
    return f"it belongs to {owner}, of which files are missing: install that again"


def _distribution_of(top: str) -> str | None:
    return f"`pip install {_KNOWN[top]}` where the workers run" if top in _KNOWN else None


def _installed() -> set[str]:
    return {module.name for module in pkgutil.iter_modules() if not module.name.startswith("_")}


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
