"""Whatever stands where a cell was to leave its predictions: it is scored, or refused in words."""

import random
from pathlib import Path

import numpy as np
import pytest

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.metric_names_and_scoring_rules import Average, ScoringRules
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.evaluation.metrics.score_predictions import score
from bakeoff.evaluation.metrics.score_snapshot import ForgedReportError, load_array
from registry.columns.check_predictions import BadPredictionsError, Predictions

ROWS = 20
TRUE = np.arange(ROWS) % 2
RULES = ScoringRules(metrics=("f1",), positive_label=1, average=Average.BINARY)


def forged(header: str, *, version: int = 1) -> bytes:
    """A file of numpy's with this header, and with 160 bytes behind it."""
    text = header.encode() + b"\n"
    length = len(text).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + b"\1" * 160


def headed(descr: str = "'<i8'", shape: str = "(20,)") -> bytes:
    return forged(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}")


def refusal(file: Path) -> str:
    """Why nothing was scored; empty if something was."""
    for kind in (TargetKind.BINARY, TargetKind.REGRESSION):
        rules = RULES if kind is TargetKind.BINARY else ScoringRules(metrics=("mae",))
        classes = [0, 1] if kind is TargetKind.BINARY else []
        try:
            given = Predictions(values=load_array(file), output_kind=OutputKind.LABELS)
            score(TRUE, given, rules=rules, target_kind=kind, classes=classes)
        except (BadPredictionsError, ForgedReportError) as refused:
            return str(refused)
    return ""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\3\4" + b"\0" * 100,
        b"\x80\4.",
        b"\x93NUMPY\2\0\xff\xff\xff\xff{",
        forged("{'descr': '<i8'"),
        forged("1 +"),
        forged("(" * 300),
        *(headed(shape=shape) for shape in ("(2**62,)", "(4611686018427387904,)", "(-20,)", "(20, 0)")),
        *(headed(shape=shape) for shape in ("(1.5,)", "('a',)", "20", "()", "None", "(0,)")),
        *(headed(descr) for descr in ("'|O'", "'<U0'", "'<U4000000000'", "'|V8'", "'<c8'")),
        *(headed(descr) for descr in ("'|S5'", "'none'", "None", "5", "[('a', '<i8')]", "[('a', '|O')]")),
    ],
)
def test_what_is_no_array_of_plain_values_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p.npy").write_bytes(content)

    assert refusal(tmp_path / "p.npy")


def test_an_archive_of_arrays_is_none(tmp_path: Path) -> None:
    np.savez(tmp_path / "p.npz", TRUE)

    assert refusal(tmp_path / "p.npz").startswith("the predictions cannot be read: ")


def test_what_claims_to_be_large_is_refused_before_it_takes_memory(tmp_path: Path) -> None:
    """It has a hole of many gigabytes, which takes no room on the disk."""
    shape = f"({2**34},)"
    with (tmp_path / "p.npy").open("wb") as file:
        file.write(headed("'|u1'", shape))
        file.truncate(2**35)

    assert refusal(tmp_path / "p.npy") == f"there are {2**34} predictions for 20 rows"


@pytest.mark.filterwarnings("ignore")  # numpy warns of headers that it cannot trust
def test_a_file_that_was_changed_at_random_is_scored_or_refused(tmp_path: Path) -> None:
    chance, file = random.Random(1), tmp_path / "p.npy"
    np.save(file, TRUE)
    honest = file.read_bytes()

    for _ in range(1000):
        content = bytearray(honest)
        for _ in range(chance.randint(1, 4)):
            content[chance.randrange(128)] = chance.randrange(256)
        file.write_bytes(content)
        assert isinstance(refusal(file), str)
