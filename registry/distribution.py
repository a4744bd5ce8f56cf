"""Which installed distribution a module comes from, and its version. Nothing is imported to find out."""

import importlib.util
from functools import cache
from importlib import metadata

#: The distributions whose name is not that of their module.
_NAMES = {
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "skopt": "scikit-optimize",
    "imblearn": "imbalanced-learn",
    "cv2": "opencv-python",
    "PIL": "pillow",
    "yaml": "pyyaml",
    "pytorch_tabnet": "pytorch-tabnet",
}

#: The version of a candidate that says none and comes from no distribution.
FIRST_VERSION = "1"


def name_of(module: str) -> str:
    """What to give to pip for this module, as far as can be known without asking an index."""
    top = module.partition(".")[0]
    return _NAMES.get(top, top)


def version_of(path: str) -> str:
    """The version of the distribution that the class of this path comes from, such as scikit-learn's."""
    module = path.rpartition(":")[0]
    if module.endswith(".py"):
        return FIRST_VERSION
    try:
        return metadata.version(name_of(module))
    except metadata.PackageNotFoundError:
        return _version_of_owner(module.partition(".")[0])


@cache
def _version_of_owner(top: str) -> str:
    """Slow, as it reads what all distributions contain; asked only for modules that are really there."""
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:
        spec = None
    if spec is None or spec.origin is None:
        return FIRST_VERSION
    owners = metadata.packages_distributions().get(top)
    return metadata.version(owners[0]) if owners else FIRST_VERSION
