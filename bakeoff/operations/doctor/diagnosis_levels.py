"""A diagnosis: what was checked, whether it is well, and what to do if not."""

from dataclasses import dataclass
from enum import StrEnum


class DiagnosisLevel(StrEnum):
    OK = "ok"
    WARN = "warn"  #: it works, though not as well or as long as it might
    FAIL = "fail"  #: runs cannot work like this


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    subject: str
    level: DiagnosisLevel
    message: str
    cure: str = ""  #: empty when all is well


def ok(subject: str, message: str) -> Diagnosis:
    return Diagnosis(subject=subject, level=DiagnosisLevel.OK, message=message)


def warn(subject: str, message: str, cure: str) -> Diagnosis:
    return Diagnosis(subject=subject, level=DiagnosisLevel.WARN, message=message, cure=cure)


def fail(subject: str, message: str, cure: str) -> Diagnosis:
    return Diagnosis(subject=subject, level=DiagnosisLevel.FAIL, message=message, cure=cure)
