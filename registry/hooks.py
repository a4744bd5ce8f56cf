"""Hooks: who is told of a promotion. Each is a process of its own, without a shell and with a time limit.

What a hook does is its own affair: its failure is noted, and undoes nothing.
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

from config.model_registry import HookSettings
from domain.model_version import Promotion

log = logging.getLogger(__name__)

_MOST_SAID = 500
_SOURCES = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class HookResult:
    hook: str  #: as it is configured
    passed: bool
    reason: str = ""  #: why it failed; empty when it did not
    seconds: float


def tell(hook: HookSettings, promotion: Promotion, *, root: Path) -> HookResult:
    """Waits for its end. `root` is the folder that it starts in, and that a function is imported from."""
    began, name = time.monotonic(), in_words(hook)
    reason = _run(_command(hook), promotion, root=root, longest_s=hook.timeout)
    if reason:
        log.warning("the hook %s failed for %s: %s", name, promotion.uri, reason)
    return HookResult(hook=name, passed=not reason, reason=reason, seconds=round(time.monotonic() - began, 3))


def in_words(hook: HookSettings) -> str:
    return hook.python or " ".join(hook.command or ())


def _command(hook: HookSettings) -> Sequence[str]:
    if hook.python is None:
        return hook.command or ()
    return [sys.executable, "-P", "-m", "registry.calling", hook.python]


def _run(command: Sequence[str], promotion: Promotion, *, root: Path, longest_s: float) -> str:
    """Why it failed, or nothing. Files, not pipes: a hook need not read, and may leave somebody behind."""
    with TemporaryFile() as given, TemporaryFile() as said:
        given.write(json.dumps(promotion.to_record()).encode())
        given.seek(0)
        try:
            process = subprocess.Popen(
                command,
                cwd=root,
                env=_environment(promotion),
                stdin=given,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as exc:
            return f"it cannot be started: {exc}"
        try:
            code = process.wait(longest_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"it took longer than {longest_s:g} seconds"
        return "" if code == 0 else f"it ended with {_code(code)}{_last_words(said)}"


def _environment(promotion: Promotion) -> Mapping[str, str]:
    """The ids, for those who do not read JSON. Not called BAKEOFF_: those names are settings."""
    ids = {
        "PROMOTION_MODEL": promotion.model_name,
        "PROMOTION_VERSION": promotion.version,
        "PROMOTION_URI": promotion.uri,
        "PROMOTION_STAGE": promotion.to_stage,
        "PROMOTION_REPLACED": promotion.replaced or "",
        "PROMOTION_RUN": promotion.evidence.get("run") or "",
    }
    path = [str(_SOURCES), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, **ids, "PYTHONPATH": os.pathsep.join(path)}


def _code(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _last_words(said: IO[bytes]) -> str:
    said.seek(0, os.SEEK_END)
    said.seek(max(0, said.tell() - _MOST_SAID))
    lines = said.read().decode(errors="replace").strip().splitlines()
    return f": {lines[-1]}" if lines else ""
