"""What is stored as JSON comes back as it was."""

import json
from datetime import UTC, datetime

from fixtures.values.samples import a_job, a_result, a_run
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.domain.candidate import Candidate, CandidateKind, Learns, OutputKind, PipelineStep, Preprocess
from bakeoff.domain.metric_names_and_scoring_rules import Average, ScoringRules
from bakeoff.domain.runs.job import JobError, Phase
from bakeoff.domain.runs.result import CallTimes, Cost, Latency
from bakeoff.domain.runs.verdict import Interval

_NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | _NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_PARAMS = st.dictionaries(st.text(), _VALUES, max_size=3)
_WORDS = st.lists(st.text(), max_size=3).map(tuple)
_CANDIDATES = st.builds(
    Candidate,
    id=st.text(),
    version=st.text(),
    kind=st.sampled_from(CandidateKind),
    path=st.none() | st.text(),
    params=_PARAMS,
    steps=st.lists(st.builds(PipelineStep, path=st.text(), params=_PARAMS), max_size=3).map(tuple),
    preprocess=st.sampled_from(Preprocess),
    output_kind=st.sampled_from(OutputKind),
    description=st.text(),
    enabled=st.booleans(),
    weight=st.none() | _NUMBERS,
    tags=_WORDS,
    features=st.none() | _WORDS,
    timeout_s=st.none() | _NUMBERS,
    memory_limit_mb=st.none() | st.integers(),
    threads=st.none() | st.integers(),
    learns=st.none() | st.sampled_from(Learns),
    artefacts=_WORDS,
)
_ERRORS = st.builds(
    JobError,
    type=st.text(),
    message=st.text(),
    phase=st.sampled_from(Phase),
    traceback=st.text(),
    hint=st.text(),
    log_tail=st.text(),
)
_RULES = st.builds(
    ScoringRules,
    metrics=_WORDS,
    positive_label=st.none() | st.text(),
    threshold=st.none() | _NUMBERS,
    average=st.none() | st.sampled_from(Average),
    zero_division=_NUMBERS,
)


@given(_CANDIDATES)
def test_a_candidate_survives_json(candidate: Candidate) -> None:
    back = Candidate.from_json(json.loads(json.dumps(candidate.to_json())))

    assert back == candidate
    assert [type(step) for step in back.steps] == [PipelineStep for _ in candidate.steps]
    assert type(back.kind) is CandidateKind
    assert type(back.output_kind) is OutputKind
    assert back.learns is None or type(back.learns) is Learns


def test_a_candidate_that_was_stored_without_what_is_found_out_today_comes_back() -> None:
    stored = Candidate(id="tree", version="1", path="trees:Tree").to_json()
    del stored["learns"], stored["artefacts"]

    assert Candidate.from_json(stored) == Candidate(id="tree", version="1", path="trees:Tree")


@given(_ERRORS)
def test_an_error_survives_json(error: JobError) -> None:
    back = JobError.from_json(json.loads(json.dumps(error.to_json())))

    assert back == error
    assert type(back.phase) is Phase


@given(_RULES)
def test_scoring_rules_survive_json(rules: ScoringRules) -> None:
    back = ScoringRules.from_json(json.loads(json.dumps(rules.to_json())))

    assert back == rules
    assert back.average is None or type(back.average) is Average


def test_an_error_leaves_the_system_in_camel_case() -> None:
    error = JobError(
        type="ValueError",
        message="no rows",
        phase=Phase.FIT,
        traceback="Traceback",
        hint="give it rows",
        log_tail="reading",
    )

    assert json.loads(json.dumps(error.to_record())) == {
        "type": "ValueError",
        "message": "no rows",
        "phase": "fit",
        "traceback": "Traceback",
        "hint": "give it rows",
        "logTail": "reading",
    }


def test_a_result_leaves_the_system_as_one_flat_record() -> None:
    run = a_run(id="0" * 36)
    job = a_job(run, id="1" * 36)
    result = a_result(
        job,
        seed=7,
        timestamp=datetime(2026, 5, 4, 12, 0, 0, 250_000, tzinfo=UTC),
        attempt=2,
        reused_from="9",
        cost=Cost(
            fit_s=1.0,
            predict_s=0.25,
            cpu_s=1.25,
            peak_memory_mb=80.0,
            granted_threads=1,
            latency=Latency(
                one_row=CallTimes(rows=1, calls=9, p50=0.001, p99=0.002),
                batch=CallTimes(rows=256, calls=3, p50=0.01, p99=0.02),
            ),
            model_bytes=1234,
        ),
        intervals={"f1": Interval(low=0.5, high=0.875, rests_on=8), "r2": Interval(low=-1.0, high=1.0)},
    )

    assert json.loads(json.dumps(result.to_record())) == {
        "evaluationId": "1" * 36,
        "runId": "0" * 36,
        "modelId": "m0",
        "modelVersion": "1.0",
        "datasetId": "d" * 64,
        "datasetName": "flowers",
        "splitId": "e" * 64,
        "seed": 7,
        "metrics": {"f1": 0.75, "accuracy": None},
        "intervals": {"f1": [0.5, 0.875], "r2": [-1.0, 1.0]},
        "restsOn": {"f1": 8},
        "timestamp": "2026-05-04T12:00:00.250Z",
        "duration": 1.5,
        "attempt": 2,
        "reusedFrom": "9",
        "fitSeconds": 1.0,
        "predictSeconds": 0.25,
        "cpuSeconds": 1.25,
        "peakMemoryMb": 80.0,
        "grantedThreads": 1,
        "grantedMemoryMb": None,
        "latency": {
            "oneRow": {"rows": 1, "calls": 9, "p50": 0.001, "p99": 0.002},
            "batch": {"rows": 256, "calls": 3, "p50": 0.01, "p99": 0.02},
        },
        "modelBytes": 1234,
    }
