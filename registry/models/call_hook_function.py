"""Calls a hook that is a function: `python -m registry.models.call_hook_function package.module:function`.

The function is called with the promotion, which is read from standard input as JSON. Its module is imported
from the current folder. This is a module of its own because it is the program of the hook's process.
"""

import importlib
import json
import sys
from pathlib import Path

from bakeoff.domain.model_version import Promotion


def call(path: str, promotion: Promotion) -> None:
    sys.path.insert(0, str(Path.cwd()))  # first, so that a project's own `tasks.py` is the one that is meant
    module, _, function = path.partition(":")
    getattr(importlib.import_module(module), function)(promotion)


if __name__ == "__main__":
    call(sys.argv[1], Promotion.from_record(json.load(sys.stdin)))
