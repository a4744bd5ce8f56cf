"""Asking a signal model without a cell: in this process, where breakpoints work and exceptions rise."""

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from cell.inside import Inside
from domain.signal import ModelOutput
from evaluation.signals import answering
from evaluation.signals.asking import Desk
from registry.signals import answers_from_json


def rehearse(desk: Desk, symbols: Sequence[str]) -> tuple[ModelOutput, ...]:
    with (
        TemporaryDirectory(prefix="bakeoff-rehearsal-") as scratch,
        Path(os.devnull).open("wb") as report,
    ):
        inside = Inside(scratch=Path(scratch), report=report.fileno(), outputs={})
        told = answering.answer({**desk.payload(witnessed=False), "symbols": list(symbols)}, inside)
    return answers_from_json(told["answers"], symbols)
