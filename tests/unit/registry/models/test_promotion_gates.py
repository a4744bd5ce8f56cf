"""What a gate lets through, and what it says."""

import math
from dataclasses import replace
from typing import Any

import pytest
from fixtures.values.memory_registry import InMemoryRegistry

from bakeoff.domain.model_version import GateResult, ModelVersion, VersionOrigin
from bakeoff.domain.runs.verdict import Against, ProductionScores, ReferenceComparison, RunVerdict
from bakeoff.settings.registry_settings import GateSettings
from registry.models.promotion_gates import Metrics, RunEvidence, check_gate

HERE = VersionOrigin(dataset_id="d1", split_id="s1")


def version(number: str = "1.0.2", origin: VersionOrigin = HERE, **metrics: float | None) -> ModelVersion:
    registry = InMemoryRegistry()
    return registry.get(
        registry.save_model(object(), "churn", version=number, metrics=metrics, origin=origin)
    )


def production(origin: VersionOrigin = HERE, **metrics: float | None) -> ModelVersion:
    return version("1.0.1", origin, **metrics)


@pytest.mark.parametrize(
    ("bound", "value", "passed", "reason"),
    [
        ({"min": 0.8}, 0.9, True, "score 0.9 is 0.1 above 0.8"),
        ({"min": 0.8}, 0.8, True, "score 0.8 is the same as 0.8"),
        ({"min": 0.8}, 0.75, False, "score 0.75 is 0.05 below 0.8"),
        ({"max": 3}, 2.5, True, "score 2.5 is 0.5 below 3"),
        ({"max": 3}, 3.0, True, "score 3 is the same as 3"),
        ({"max": 3}, 3.25, False, "score 3.25 is 0.25 above 3"),
        ({"min": 0}, -1.0, False, "score -1 is 1 below 0"),
    ],
)
def test_a_bound_holds_for_the_metric_whatever_is_in_production(bound, value, passed, reason) -> None:
    result = check_gate(GateSettings(metric="score", **bound), version(score=value), production(score=100.0))

    assert (result.passed, result.reason) == (passed, reason)
    assert (result.measured, result.needed) == (value, next(iter(bound.values())))


@pytest.mark.parametrize(
    ("gate", "value", "former", "reason"),
    [
        ("f1", 0.9911, 0.989, "f1 0.9911 is 0.0021 above Production 1.0.1 (0.989)"),
        ("f1", 0.3, 0.2, "f1 0.3 is 0.1 above Production 1.0.1 (0.2)"),
        ("f1 by 0.1", 0.3, 0.2, "f1 0.3 is 0.1 above Production 1.0.1 (0.2)"),
        ("mae", 2.0, 3.0, "mae 2 is 1 below Production 1.0.1 (3)"),
    ],
)
def test_better_is_more_or_less_as_the_metric_has_it(gate, value, former, reason) -> None:
    result = against_production(gate, value, former)

    assert (result.passed, result.reason) == (True, reason)


@pytest.mark.parametrize(
    ("gate", "value", "former", "reason"),
    [
        ("f1", 0.989, 0.9911, "f1 0.989 is 0.0021 below Production 1.0.1 (0.9911)"),
        ("f1", 0.989, 0.989, "f1 0.989 is the same as Production 1.0.1 (0.989)"),
        ("f1 by 0.1", 0.25, 0.2, "f1 0.25 is 0.05 above Production 1.0.1 (0.2), and 0.1 better is asked"),
        ("mae", 3.0, 2.0, "mae 3 is 1 above Production 1.0.1 (2)"),
        ("mae by 1", 2.5, 3.0, "mae 2.5 is 0.5 below Production 1.0.1 (3), and 1 better is asked"),
    ],
)
def test_what_is_not_better_by_the_margin_is_refused_with_the_distance(gate, value, former, reason) -> None:
    result = against_production(gate, value, former)

    assert (result.passed, result.reason) == (False, reason)


def against_production(gate: str, value: float, former: float) -> GateResult:
    """`gate` is a metric, and may say by how much."""
    metric, _, by = gate.partition(" by ")
    asked = GateSettings(metric=metric, better_than_production=True, by=float(by or 0))
    return check_gate(asked, version(**{metric: value}), production(**{metric: former}))


@pytest.mark.parametrize("says_it", ["version", "production", "both"])
def test_a_version_from_before_directions_were_kept_does_not_turn_the_gate_round(says_it) -> None:
    says = {"greaterIsBetter": {"shop:returns": False}}
    new, old = version(**{"shop:returns": 2.0}), production(**{"shop:returns": 3.0})
    if says_it != "production":
        new = replace(new, metadata=says)
    if says_it != "version":
        old = replace(old, metadata=says)

    result = check_gate(GateSettings(metric="shop:returns", better_than_production=True), new, old)

    assert (result.passed, result.reason) == (True, "shop:returns 2 is 1 below Production 1.0.1 (3)")


@pytest.mark.parametrize(("metric", "needed"), [("f1", 0.75), ("rmse", 0.25)])
def test_what_is_needed_is_the_margin_on_the_better_side_of_production(metric, needed) -> None:
    gate = GateSettings(metric=metric, better_than_production=True, by=0.25)

    assert check_gate(gate, version(**{metric: 0.5}), production(**{metric: 0.5})).needed == needed


def test_a_first_version_has_nothing_to_be_better_than() -> None:
    gate = GateSettings(metric="f1", better_than_production=True, by=0.01)

    assert check_gate(gate, version(f1=0.5), None) == GateResult(
        gate="f1 better than Production by 0.01",
        passed=True,
        measured=0.5,
        needed=None,
        reason="no version of churn is in Production yet: there is nothing to be better than",
    )


@pytest.mark.parametrize(
    "elsewhere",
    [VersionOrigin(dataset_id="d2", split_id="s1"), VersionOrigin(dataset_id="d1", split_id="s2")],
)
def test_on_another_snapshot_nothing_is_better_and_it_is_told_how_to_compare(elsewhere) -> None:
    gate = GateSettings(metric="f1", better_than_production=True)
    result = check_gate(gate, version(f1=0.9), production(elsewhere, f1=0.1))

    assert not result.passed
    assert result.reason == (
        "no run compares 1.0.2 with Production 1.0.1: evaluate its candidate in a run that saves models "
        "under this name, `bakeoff run DATASET --save best --save-as churn`, and promote what that saves"
    )


def test_where_nobody_noted_the_snapshot_nothing_is_better() -> None:
    gate = GateSettings(metric="f1", better_than_production=True)
    result = check_gate(gate, version(origin=VersionOrigin(), f1=0.9), production(VersionOrigin(), f1=0.1))

    assert not result.passed
    assert result.reason.startswith("no run compares 1.0.2 with Production 1.0.1: ")


@pytest.mark.parametrize("nothing", [{}, {"f1": None}, {"f1": math.nan}])
@pytest.mark.parametrize("asked", [{"min": 0.5}, {"max": 0.5}, {"better_than_production": True}])
def test_without_a_value_no_gate_is_passed(asked, nothing) -> None:
    result = check_gate(GateSettings(metric="f1", **asked), version(recall=0.5, **nothing), None)

    assert (result.passed, result.measured) == (False, None)
    assert result.reason == "1.0.2 has no value of f1, but of recall"


def test_nothing_is_better_than_a_production_without_a_value() -> None:
    gate = GateSettings(metric="f1", better_than_production=True)
    result = check_gate(gate, version(f1=0.9), production(recall=0.1))

    assert not result.passed
    assert result.reason == ("Production cannot be compared with: 1.0.1 has no value of f1, but of recall")


def measured(metrics: Metrics, verdict: RunVerdict | None = None) -> list[RunEvidence]:
    """By the run that the version comes from."""
    return [RunEvidence(run_id="f" * 36, candidate="lda", metrics=metrics, verdict=verdict)]


MONDAY = VersionOrigin(dataset_id="d1", split_id="s1", candidate_id="ridge")
TUESDAY = VersionOrigin(dataset_id="d2", split_id="s2", candidate_id="lda")


def test_a_namesake_fitted_to_other_data_is_not_taken_for_production() -> None:
    """The run scored the candidate of Production again; what is in Production was not asked."""
    gate = GateSettings(metric="f1", better_than_production=True)
    origin = VersionOrigin(dataset_id="d2", split_id="s2", candidate_id="ridge")
    result = check_gate(
        gate, version(origin=origin, f1=0.9), production(MONDAY, f1=0.8), measured({"f1": 0.9})
    )

    assert (result.passed, result.needed) == (False, None)
    assert result.reason.startswith("no run compares 1.0.2 with Production 1.0.1: evaluate its candidate")


def test_a_production_that_could_not_answer_is_not_beaten() -> None:
    gate = GateSettings(metric="f1", better_than_production=True)
    silent = verdict(production=ProductionScores(name="churn", version="1.0.1", problem="it is away"))
    result = judged(gate, silent)

    assert not result.passed
    assert result.reason == "Production (churn 1.0.1) could not be compared in run ffffffff: it is away"


def test_on_the_same_data_the_version_itself_is_compared_with() -> None:
    gate = GateSettings(metric="f1", better_than_production=True)
    origin = VersionOrigin(dataset_id="d1", split_id="s1", candidate_id="lda")
    result = check_gate(
        gate, version(origin=origin, f1=0.9), production(MONDAY, f1=0.99), measured({"f1": 0.9})
    )

    assert not result.passed


def verdict(
    outcome: Against = Against.BETTER,
    *,
    metric: str = "f1",
    low: float | None = 0.01,
    high: float | None = 0.05,
    **changed: Any,
) -> RunVerdict:
    """Of a run that asked Production 1.0.1, and compared lda with it."""
    asked = ProductionScores(name="churn", version="1.0.1", metrics={metric: 0.87})
    compared = ReferenceComparison(
        reference="Production (churn 1.0.1)",
        candidate="lda",
        outcome=outcome,
        difference=0.03,
        low=low,
        high=high,
        p_value=0.004,
        n_eff=80.0,
    )
    plain: dict[str, Any] = {
        "metric": metric,
        "greater_is_better": metric != "mae",
        "level": 0.05,
        "method": "",
        "seed": 1,
        "rows": 450,
        "best": None,
        "production": asked,
        "references": (compared,),
    }
    return RunVerdict(**plain | changed)


SHOWN = GateSettings(metric="f1", better_than_production="shown")


def judged(gate: GateSettings, known: RunVerdict | None, **metrics: float) -> GateResult:
    """A version that was measured on other rows than Production was."""
    measured_at = metrics or {gate.metric: 0.9}
    return check_gate(
        gate,
        version(origin=TUESDAY, **measured_at),
        production(MONDAY, **{gate.metric: 0.1}),
        measured(measured_at, known),
    )


def test_what_the_verdict_shows_to_be_better_passes_with_the_evidence() -> None:
    result = judged(SHOWN, verdict())

    assert (result.gate, result.passed) == ("f1 shown to be better than Production", True)
    assert result.reason == (
        "f1 is shown to be better: +0.03 beside Production (churn 1.0.1) (+0.01 to +0.05, adjusted p 0.004) "
        "on 450 rows of run ffffffff"
    )
    assert result.comparison == {
        "reference": "Production (churn 1.0.1)",
        "candidate": "lda",
        "outcome": "better",
        "difference": 0.03,
        "low": 0.01,
        "high": 0.05,
        "pValue": 0.004,
        "restsOn": 80,
        "metric": "f1",
        "rows": 450,
        "run": "f" * 36,
        "mayKnowRows": False,
    }


@pytest.mark.parametrize("outcome", [Against.NOT_SHOWN, Against.WORSE, Against.INSUFFICIENT])
def test_a_larger_number_is_not_enough_where_a_verdict_is_asked_for(outcome) -> None:
    result = judged(SHOWN, verdict(outcome, low=-0.01))

    assert not result.passed
    assert result.reason.startswith(
        "f1 is not shown to be better: +0.03 beside Production (churn 1.0.1) (-0.01"
    )


@pytest.mark.parametrize(
    ("metric", "low", "high", "passed"),
    [
        ("f1", -0.004, 0.02, True),
        ("f1", -0.005, 0.02, False),
        ("f1", -0.006, 0.02, False),
        ("f1", 0.0, 0.0, True),
        ("mae", -0.02, 0.004, True),
        ("mae", -0.004, 0.02, False),
        ("f1", None, None, False),
    ],
)
def test_not_worse_is_what_the_interval_rules_out_on_the_worse_side(metric, low, high, passed) -> None:
    """Of a loss, more is worse."""
    gate = GateSettings(metric=metric, not_worse_than=0.005)
    result = judged(gate, verdict(Against.NOT_SHOWN, metric=metric, low=low, high=high))

    assert (result.gate, result.passed) == (f"{metric} not worse than Production by 0.005", passed)
    said = "cannot be worse by 0.005" if passed else "may be worse by 0.005"
    assert result.reason.startswith(f"{metric} {said}: +0.03 beside Production (churn 1.0.1) (")


@pytest.mark.parametrize("gate", [SHOWN, GateSettings(metric="f1", not_worse_than=0.005)])
@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (
            None,
            "no run compares 1.0.2 with Production 1.0.1: evaluate its candidate in a run that saves ",
        ),
        (verdict(production=None), "no run compares 1.0.2 with Production 1.0.1: "),
        (
            verdict(production=ProductionScores(name="churn", version="1.0.0")),
            "run ffffffff compared 1.0.2 with Production (churn 1.0.0), and not with 1.0.1: evaluate its ",
        ),
        (
            verdict(production=ProductionScores(name="churn", version="1.0.1", problem="it is away")),
            "Production (churn 1.0.1) could not be compared in run ffffffff: it is away",
        ),
        (
            verdict(production=ProductionScores(name="churn", version=None, problem="it is away")),
            "run ffffffff could not compare 1.0.2 with Production (churn) (it is away): evaluate its ",
        ),
        (
            verdict(metric="accuracy"),
            "the verdict of run ffffffff is by accuracy: let the gate ask for that, ",
        ),
        (
            verdict(references=()),
            "run ffffffff has too few rows, or no score, to compare lda with Production",
        ),
    ],
)
def test_without_a_verdict_about_production_it_is_refused_and_it_is_told_what_to_do(
    gate, known, reason
) -> None:
    result = judged(gate, known)

    assert (result.passed, result.comparison) == (False, None)
    assert result.reason.startswith(reason)


def test_the_cure_names_candidate_and_model() -> None:
    assert judged(SHOWN, None).reason.endswith(
        "`bakeoff run DATASET --models lda --save best --save-as churn`, and promote what that saves"
    )


@pytest.mark.parametrize("gate", [SHOWN, GateSettings(metric="f1", not_worse_than=0.005)])
def test_a_first_version_needs_no_verdict(gate) -> None:
    assert check_gate(gate, version(f1=0.5), None).passed


def test_a_run_that_asked_the_version_in_production_counts_although_another_comes_first() -> None:
    other = verdict(production=ProductionScores(name="churn", version="1.0.0"))
    evidence = [*measured({}, other), *measured({}, verdict())]

    assert check_gate(SHOWN, version(f1=0.9), production(f1=0.8), evidence).passed


def test_a_plain_comparison_reads_what_production_itself_answered_where_it_was_asked() -> None:
    """Not what was measured before on other rows."""
    gate = GateSettings(metric="f1", better_than_production=True)
    evidence = measured({"f1": 0.9}, verdict(Against.NOT_SHOWN, low=-0.01))
    result = check_gate(gate, version(origin=TUESDAY, f1=0.9), production(MONDAY, f1=0.99), evidence)

    assert (result.passed, result.needed) == (True, 0.87)
    assert result.reason == "f1 0.9 is 0.03 above Production 1.0.1 (0.87)"
    assert result.comparison is not None
    assert (result.comparison["low"], result.comparison["run"]) == (-0.01, "f" * 36)


def test_of_a_production_that_may_know_the_rows_it_is_said() -> None:
    asked = ProductionScores(name="churn", version="1.0.1", metrics={"f1": 0.87}, may_know_rows=True)

    assert judged(SHOWN, verdict(production=asked)).reason.endswith(
        "; Production may know some of these rows"
    )
