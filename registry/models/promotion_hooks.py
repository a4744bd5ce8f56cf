"""Runs hooks after a promotion. Each is a process of its own, without a shell and with a time limit.

A hook that fails is recorded as failed; the promotion stands.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from bakeoff.domain.machine.own_packages_and_disk_space import SOURCES
from bakeoff.domain.model_version import Promotion
from bakeoff.settings.registry_settings import HookSettings

log = logging.getLogger(__name__)

_LAST_OUTPUT_BYTES = 500


@dataclass(frozen=True, kw_only=True)
class HookResult:
    hook: str  #: as it is configured
    passed: bool
    reason: str = ""  #: why it failed; empty when it passed
    seconds: float


def run_hook(hook: HookSettings, promotion: Promotion, *, root: Path) -> HookResult:
    """Runs the hook and waits for its end.

    `root` is the folder that it starts in, and that a Python function is imported from.
    """
    start, name = time.monotonic(), describe_hook(hook)
    reason = _run(hook, promotion, root=root)
    if reason:
        log.warning("the hook %s failed for %s: %s", name, promotion.uri, reason)
    return HookResult(hook=name, passed=not reason, reason=reason, seconds=round(time.monotonic() - start, 3))


def describe_hook(hook: HookSettings) -> str:
    return hook.python or " ".join(hook.command or ())


def _run(hook: HookSettings, promotion: Promotion, *, root: Path) -> str:
    """Runs the hook and says why it failed; an empty text if it passed.

    Input and output are files, because with pipes a hook that does not read, or leaves a child behind, could
    block this process.
    """
    with TemporaryFile() as stdin, TemporaryFile() as output:
        stdin.write(json.dumps(promotion.to_record()).encode())
        stdin.seek(0)
        try:
            process = subprocess.Popen(
                _command(hook),
                cwd=root,
                env={**os.environ, **_ids(promotion), **_path(hook)},
                stdin=stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as exc:
            return f"it cannot be started: {exc}"
        try:
            code = process.wait(hook.timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # the whole group: the hook may have started others
            process.wait()
            return f"it took longer than {hook.timeout:g} seconds"
        return "" if code == 0 else f"it ended with {_code(code)}{_last_line(output)}"


def _command(hook: HookSettings) -> Sequence[str]:
    if hook.python is None:
        return hook.command or ()
    return [sys.executable, "-P", "-m", "registry.models.call_hook_function", hook.python]


def _path(hook: HookSettings) -> Mapping[str, str]:
    """The import path of the hook's process, with which it finds this package."""
    if hook.python is None:
        return {}
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(SOURCES), os.environ.get("PYTHONPATH")]))}


def _ids(promotion: Promotion) -> Mapping[str, str]:
    """Variables for hooks that do not read JSON. They do not start with BAKEOFF_, which marks settings."""
    return {
        "PROMOTION_MODEL": promotion.model_name,
        "PROMOTION_VERSION": promotion.version,
        "PROMOTION_URI": promotion.uri,
        "PROMOTION_STAGE": promotion.to_stage,
        "PROMOTION_REPLACED": promotion.replaced or "",
        "PROMOTION_RUN": promotion.evidence.get("run") or "",
    }


def _code(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _last_line(output: IO[bytes]) -> str:
    output.seek(0, os.SEEK_END)
    output.seek(max(0, output.tell() - _LAST_OUTPUT_BYTES))
    lines = output.read().decode(errors="replace").strip().splitlines()
    return f": {lines[-1]}" if lines else ""
