from datetime import UTC, datetime, timedelta
from typing import Any

from bakeoff.domain.model_version import ModelVersion, Promotion, Stage
from bakeoff.web.views.model_history import staged_versions

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def a_version(number: str, hours: int, stage: Stage = Stage.DEVELOPMENT) -> ModelVersion:
    return ModelVersion(
        id=number, name="churn", type="Tree", version=number, serial=hours + 1, stage=stage,
        created_at=NOON + timedelta(hours=hours), file_path="", digest="", size_bytes=1,
    )  # fmt: skip


def a_move(number: str, hours: int, to: Stage, **changed: Any) -> Promotion:
    plain = {
        "model_name": "churn",
        "from_stage": Stage.DEVELOPMENT,
        "at": NOON + timedelta(hours=hours),
        "by": "ada",
    }
    return Promotion(**{**plain, "version": number, "to_stage": to, **changed})


VERSIONS = [a_version("1.0.1", 2, Stage.PRODUCTION), a_version("1.0.0", 0, Stage.ARCHIVED)]
LOG = [
    a_move("1.0.1", 3, Stage.PRODUCTION, replaced="1.0.0"),
    a_move("1.0.0", 1, Stage.PRODUCTION),
]


def stages(hours: float | None) -> dict[str, str]:
    at = None if hours is None else NOON + timedelta(hours=hours)
    return {one.version.version: str(one.stage) for one in staged_versions(VERSIONS, LOG, at)}


def test_the_log_says_what_was_at_any_instant() -> None:
    assert stages(-1) == {}
    assert stages(0.5) == {"1.0.0": "Development"}
    assert stages(2.5) == {"1.0.0": "Production", "1.0.1": "Development"}
    assert stages(3) == {"1.0.0": "Archived", "1.0.1": "Production"}


def test_now_is_what_the_registry_says_and_the_log_says_since_when() -> None:
    assert stages(None) == {"1.0.0": "Archived", "1.0.1": "Production"}
    assert [one.since and one.since.version for one in staged_versions(VERSIONS, LOG, None)] == [
        "1.0.1",
        "1.0.1",
    ]
