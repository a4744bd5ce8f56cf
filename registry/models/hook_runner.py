"""A hook that is a Python function: `python -m registry.models.hook_runner package.module:function`.

It is called with the promotion, which comes on standard input, from the folder that its module is below.
"""

import importlib
import json
import sys
from pathlib import Path

from bakeoff.domain.model_version import Promotion


def call(place: str, promotion: Promotion) -> None:
    sys.path.insert(0, str(Path.cwd()))  # first, so that a project's own `tasks.py` is the one that is meant
    module, _, function = place.partition(":")
    getattr(importlib.import_module(module), function)(promotion)


if __name__ == "__main__":
    call(sys.argv[1], Promotion.from_record(json.load(sys.stdin)))
