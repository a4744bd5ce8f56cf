"""A hook that is a Python function: `python -m registry.models.hook_runner package.module:function`.

It is called with the promotion, which comes on standard input, from the folder that its module is below.
"""

import importlib
import json
import sys
from pathlib import Path

from bakeoff.domain.model_version import Promotion
from registry.code.class_import import add_to_import_path


def call(place: str, promotion: Promotion) -> None:
    add_to_import_path(Path.cwd())
    module, _, function = place.partition(":")
    getattr(importlib.import_module(module), function)(promotion)


if __name__ == "__main__":
    call(sys.argv[1], Promotion.from_record(json.load(sys.stdin)))
