"""What the doctor says of a deployment whose workers are on several machines."""

from pathlib import Path

import pytest

from bakeoff.operations.doctor.broker_check import several_machines
from bakeoff.operations.doctor.diagnosis_levels import DiagnosisLevel
from bakeoff.settings.configuration import Configuration, load

POSTGRESQL = "databaseUrl: postgresql+psycopg://db/bakeoff\n"
BOTH = ["control@left", "control@right", "eval@left", "eval@right"]


def a_configuration(folder: Path, text: str) -> Configuration:
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config/bakeoff.yaml").write_text(text)
    return load(folder / "config/bakeoff.yaml", environment={})


@pytest.mark.parametrize(
    ("text", "names", "found"),
    [
        (POSTGRESQL, BOTH, [("registry", DiagnosisLevel.WARN)]),
        ("", BOTH, [("workers", DiagnosisLevel.FAIL), ("registry", DiagnosisLevel.WARN)]),
        (POSTGRESQL + "modelRegistry: {path: /mnt/models}\n", BOTH, []),
        (POSTGRESQL + "modelRegistry: {backend: none}\n", BOTH, []),
        (POSTGRESQL, ["control@left", "eval@left"], []),
        (POSTGRESQL, [], []),
    ],
)
def test_what_each_machine_would_have_for_itself_is_told(
    tmp_path: Path, text: str, names: list[str], found: list[tuple[str, DiagnosisLevel]]
) -> None:
    told = list(several_machines(a_configuration(tmp_path, text), names))
    assert [(one.subject, one.level) for one in told] == found
    assert all("left, right" in one.message for one in told)
