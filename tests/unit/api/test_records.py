"""Every record that leaves over HTTP fits its shape, key by key: a new key needs a line in `api/schemas`."""

import json
from dataclasses import replace

import pytest
from fixtures.values.samples import NOON, RULES, a_candidate, a_job, a_result, a_run
from pydantic import BaseModel

from bakeoff.api import run_records
from bakeoff.api.schemas import catalog_schemas, registry_schemas, run_response_schemas, run_result_schemas
from bakeoff.domain.candidate import Rejection
from bakeoff.domain.event import Event, EventType
from bakeoff.domain.model_version import ModelVersion, Promotion, Stage
from bakeoff.domain.runs.job import JobError, JobState, Phase
from bakeoff.domain.runs.model_saving import (
    NotSaved,
    PromotionOutcome,
    Saved,
    SavePolicy,
    SaveRequest,
    Saving,
    SavingOutcome,
)
from bakeoff.domain.runs.run import RunState
from bakeoff.evaluation.reports.leaderboard import rank
from bakeoff.events.event_stream import envelope
from bakeoff.operations.runs.run_report import failure_record, standing_record
from bakeoff.settings.setting_definitions import DatasetSettings
from bakeoff.store.bakeoffs.run_progress_rows import JobStatus, RunStatus
from bakeoff.store.bakeoffs.run_rows import RunSummary

RUN = a_run(
    state=RunState.RUNNING,
    started_at=NOON,
    baseline_id="dummy",
    save=SaveRequest(policy=SavePolicy.BEST, name="flowers"),
)
JOB = a_job(RUN, state=JobState.RUNNING, attempt=1, started_at=NOON)
STATUS = RunStatus(
    run=RUN,
    jobs=[
        JobStatus(
            job_id=JOB.id,
            model_id="m0",
            model_version="1.0",
            state=JOB.state,
            attempt=1,
            node="here",
            started_at=NOON,
            ended_at=None,
        )
    ],
)
ERROR = JobError(type="ValueError", message="no", phase=Phase.FIT)
VERSION = ModelVersion(
    id=1,
    name="churn",
    type="Tree",
    version="1.0.0",
    serial=1,
    created_at=NOON,
    file_path="/somewhere",
    digest="d" * 64,
    size_bytes=7,
    signature={"inputs": []},
    feature_names=("a",),
)
PROMOTION = Promotion(
    model_name="churn",
    version="1.0.0",
    from_stage=Stage.DEVELOPMENT,
    to_stage=Stage.PRODUCTION,
    at=NOON,
    by="ada",
)
SAVED = Saved(candidate="m0", run_id=RUN.id, evaluation_id=JOB.id, name="churn", version="1.0.0")
OUTCOME = SavingOutcome(
    saved=(SAVED,),
    not_saved=(NotSaved(candidate="m1", evaluation_id=JOB.id, reason="worse"),),
    promotion=PromotionOutcome(
        version="1.0.0", stage="Production", promoted=True, replaced=None, reason="best"
    ),
)
EVENT = Event(
    id=JOB.id, type=EventType.EVALUATION_STARTED, run_id=RUN.id, occurred_at=NOON, payload={"attempt": 1}
)


@pytest.mark.parametrize(
    ("shape", "record"),
    [
        (run_response_schemas.StartedOut, run_records.started(STATUS)),
        (run_response_schemas.RunStatusOut, run_records.run_record(STATUS)),
        (
            run_response_schemas.RunInListOut,
            run_records.run_in_list(RunSummary(run=RUN, jobs={JobState.RUNNING: 1})),
        ),
        (run_response_schemas.FollowedOut, run_records.progress(STATUS)),
        (run_response_schemas.EventOut, envelope(EVENT)),
        (
            run_result_schemas.ResultOut,
            standing_record(rank([a_result(JOB)], metric=RULES.metrics[0], baseline_id=None)[0]),
        ),
        (run_result_schemas.FailureOut, failure_record(replace(JOB, state=JobState.FAILED, error=ERROR))),
        (
            run_result_schemas.SavingOut,
            Saving(run_id=RUN.id, due_at=NOON, done_at=NOON, tries=1, outcome=OUTCOME).to_record(),
        ),
        (catalog_schemas.CandidateOut, a_candidate().to_record()),
        (
            catalog_schemas.RejectionOut,
            Rejection(id="m", version="1", path="a:B", cause="no", fix="mend it").to_record(),
        ),
        (
            catalog_schemas.DatasetOut,
            DatasetSettings(source="sklearn", name="iris").to_record("iris") | {"findings": None},
        ),
        (registry_schemas.ModelVersionOut, VERSION.to_record()),
        (registry_schemas.PromotionOut, PROMOTION.to_record()),
    ],
    ids=lambda given: given.__name__ if isinstance(given, type) else "",
)
def test_a_record_fits_its_shape(shape: type[BaseModel], record: dict[str, object]) -> None:
    shown = shape.model_validate(record).model_dump(mode="json", by_alias=True)

    assert {key: shown[key] for key in record} == json.loads(json.dumps(record))
