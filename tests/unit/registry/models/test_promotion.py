"""Promotion and rollback, over a registry in memory: they know no backend."""

import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from fixtures.values.memory_registry import InMemoryRegistry
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bakeoff.domain.errors import ConflictError, NotFoundError, OvertakenError
from bakeoff.domain.finding import Finding, Severity
from bakeoff.domain.model_version import Promotion, Stage, VersionFilter, VersionOrigin
from bakeoff.domain.runs.verdict import RunVerdict
from bakeoff.settings.registry_settings import PromotionSettings
from registry.models.promotion import GateError, promote, rollback
from registry.models.promotion_gates import EvidenceOf, RunEvidence

HERE = VersionOrigin(run_id="r1", dataset_id="d1", split_id="s1")
OPEN = PromotionSettings()
BETTER = PromotionSettings.model_validate({"gates": [{"metric": "f1", "betterThanProduction": True}]})
NOWHERE = Path("/")


@pytest.fixture
def registry() -> InMemoryRegistry:
    return InMemoryRegistry()


def save(registry: InMemoryRegistry, **metrics: float) -> str:
    return registry.get(registry.save_model(object(), "churn", metrics=metrics, origin=HERE)).uri


def up(registry, uri, policy=OPEN, **given) -> Promotion:
    return promote(registry, uri, policy=policy, root=NOWHERE, **given)


def back(registry, **given) -> Promotion:
    return rollback(registry, "churn", policy=OPEN, root=NOWHERE, **given)


def production(registry) -> str | None:
    return next(
        (
            version.version
            for version in registry.versions(VersionFilter(name="churn", stage=Stage.PRODUCTION))
        ),
        None,
    )


def test_of_a_stage_without_a_version_it_is_told_how_to_fill_it(registry) -> None:
    save(registry, f1=0.5)

    with pytest.raises(NotFoundError, match=r"no version of churn is in Production; .* models:/churn/latest"):
        registry.get("models:/churn/Production")
    with pytest.raises(NotFoundError, match="`bakeoff registry list` lists what it has"):
        registry.get("models:/shop/Production")


def test_a_version_that_passes_its_gates_replaces_production_with_the_evidence_in_the_log(registry) -> None:
    up(registry, save(registry, f1=0.5))
    line = up(registry, save(registry, f1=0.75), BETTER, by="ada", reason="spring")

    assert (line.version, line.replaced, line.by, line.reason) == ("1.0.1", "1.0.0", "ada", "spring")
    assert line.evidence == {
        "run": "r1",
        "snapshot": "d1",
        "metrics": {"f1": 0.75},
        "gates": [
            {
                "gate": "f1 better than Production",
                "passed": True,
                "measured": 0.75,
                "needed": 0.5,
                "reason": "f1 0.75 is 0.25 above Production 1.0.0 (0.5)",
                "comparison": None,
            }
        ],
        "forced": False,
    }
    assert registry.history("churn")[0] == line
    assert registry.get("churn/1.0.0").stage is Stage.ARCHIVED


def test_a_refusal_names_each_failed_gate_and_changes_nothing(registry) -> None:
    up(registry, save(registry, f1=0.5, mae=1.0))
    uri = save(registry, f1=0.25, mae=3.5, recall=0.9)
    gates = [
        {"metric": "f1", "betterThanProduction": True},
        {"metric": "recall", "min": 0.5},
        {"metric": "mae", "max": 3},
    ]

    with pytest.raises(GateError) as refused:
        up(registry, uri, PromotionSettings.model_validate({"gates": gates}))
    assert str(refused.value) == (
        "models:/churn/1.0.1 was not promoted to Production, for it did not pass: "
        "f1 better than Production: f1 0.25 is 0.25 below Production 1.0.0 (0.5); "
        "mae at most 3: mae 3.5 is 0.5 above 3"
    )
    assert [gate.needed for gate in refused.value.failed] == [0.5, 3]
    assert (production(registry), len(registry.history())) == ("1.0.0", 1)


def test_force_promotes_all_the_same_and_the_log_says_so(registry) -> None:
    up(registry, save(registry, f1=0.5))
    line = up(registry, save(registry, f1=0.25), BETTER, force=True)

    assert production(registry) == "1.0.1"
    assert line.evidence["forced"] is True
    assert [gate["passed"] for gate in line.evidence["gates"]] == [False]


def test_force_that_was_not_needed_is_none(registry) -> None:
    assert up(registry, save(registry, f1=0.5), BETTER, force=True).evidence["forced"] is False


def test_gates_stand_before_staging_too(registry) -> None:
    up(registry, save(registry, f1=0.5))

    with pytest.raises(GateError, match="was not promoted to Staging"):
        up(registry, save(registry, f1=0.25), BETTER, stage=Stage.STAGING)


@pytest.mark.parametrize("stage", [Stage.ARCHIVED, Stage.DEVELOPMENT])
def test_nobody_has_to_be_good_to_be_taken_away(registry, stage) -> None:
    uri = save(registry, f1=0.5)
    up(registry, uri)
    up(registry, uri, BETTER, stage=stage)

    assert production(registry) is None


def test_what_is_in_a_stage_already_is_not_promoted_to_it(registry) -> None:
    uri = save(registry)
    up(registry, uri)

    with pytest.raises(ConflictError, match=r"models:/churn/1\.0\.0 is in Production already"):
        up(registry, uri, force=True)


class Overtaken(InMemoryRegistry):
    """Somebody else is quicker: just before a version gets into Production, another one does."""

    quicker: str | None = None

    def transition_model_stage(self, model_identifier, stage, **given):
        other, self.quicker = self.quicker, None
        if other is not None:
            super().transition_model_stage(other, Stage.PRODUCTION)
        return super().transition_model_stage(model_identifier, stage, **given)


def test_the_gate_holds_against_the_version_that_is_really_replaced() -> None:
    registry = Overtaken()
    up(registry, save(registry, f1=0.5))
    registry.quicker = save(registry, f1=0.9)

    with pytest.raises(GateError, match=r"f1 0.7 is 0.2 below Production 1.0.1 \(0.9\)"):
        up(registry, save(registry, f1=0.7), BETTER)
    assert production(registry) == "1.0.1"


def test_a_version_that_is_better_than_the_quicker_one_as_well_replaces_that() -> None:
    registry = Overtaken()
    up(registry, save(registry, f1=0.5))
    registry.quicker = save(registry, f1=0.6)

    line = up(registry, save(registry, f1=0.7), BETTER)
    assert (line.replaced, line.evidence["gates"][0]["needed"]) == ("1.0.1", 0.6)


def test_of_promoters_at_once_the_best_ends_in_production_and_each_replaced_a_worse_one(registry) -> None:
    uris = [save(registry, f1=n / 10) for n in (3, 8, 1, 9, 5, 2, 7)]

    def try_it(uri: str) -> None:
        with suppress(GateError):
            up(registry, uri, BETTER)

    promoters = [threading.Thread(target=try_it, args=(uri,)) for uri in uris]
    for promoter in promoters:
        promoter.start()
    for promoter in promoters:
        promoter.join(60)

    metrics = {
        version.version: version.metrics["f1"] for version in registry.versions(VersionFilter(name="churn"))
    }
    assert metrics[production(registry)] == 0.9
    pairs = [(line.version, line.replaced) for line in registry.history("churn") if line.replaced]
    assert all(metrics[version] > metrics[replaced] for version, replaced in pairs)


def test_rollbacks_walk_back_through_what_was_in_production(registry) -> None:
    for _ in range(3):
        up(registry, save(registry))
    first = back(registry, by="ada", reason="too slow")

    assert (first.version, first.replaced, first.by, first.reason) == ("1.0.1", "1.0.2", "ada", "too slow")
    assert first.evidence["rollback"] is True
    assert registry.history("churn")[0] == first
    assert back(registry).version == "1.0.0"
    with pytest.raises(NotFoundError, match="no former version of churn is there to go back to"):
        back(registry)
    assert production(registry) == "1.0.0"


def test_after_a_rollback_a_promotion_goes_on_from_there(registry) -> None:
    one, two, three = save(registry), save(registry), save(registry)
    up(registry, one)
    up(registry, two)
    back(registry)
    up(registry, three)

    assert back(registry).version == "1.0.0"


def test_a_version_that_was_in_production_twice_is_gone_back_from_twice(registry) -> None:
    one, two = save(registry), save(registry)
    for uri in (one, two, one):
        up(registry, uri)

    assert [back(registry).version, back(registry).version] == ["1.0.1", "1.0.0"]


def test_a_rollback_passes_over_what_was_deleted(registry) -> None:
    uris = [save(registry) for _ in range(4)]
    for uri in uris:
        up(registry, uri)
    registry.delete_model(uris[2])

    assert [back(registry).version, back(registry).version] == ["1.0.1", "1.0.0"]


def test_a_rollback_brings_back_what_was_taken_out_of_production(registry) -> None:
    uri = save(registry)
    up(registry, uri)
    up(registry, uri, stage=Stage.ARCHIVED)

    assert back(registry).version == "1.0.0"


def test_a_rollback_asks_no_gate(registry) -> None:
    up(registry, save(registry, f1=0.5))
    up(registry, save(registry, f1=0.75))

    assert rollback(registry, "churn", policy=BETTER, root=NOWHERE).version == "1.0.0"


def test_of_two_rollbacks_at_once_one_goes_back_by_one(registry) -> None:
    registry = Overtaken()
    for _ in range(3):
        up(registry, save(registry))
    registry.quicker = "churn/1.0.1"

    with pytest.raises(OvertakenError, match=r"Production of churn is 1\.0\.1 by now, and not 1\.0\.2"):
        back(registry)
    assert production(registry) == "1.0.1"


def test_nothing_that_was_never_promoted_is_gone_back_to(registry) -> None:
    save(registry)

    with pytest.raises(NotFoundError, match="no former version of churn"):
        back(registry)


class AnySequence(RuleBasedStateMachine):
    """Promotions, rollbacks, and deletions, in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.registry = InMemoryRegistry()
        self.was: list[str] = []  #: in Production, one after another, as one would keep it by hand

    @rule(f1=st.sampled_from([0.25, 0.5, 0.75]))
    def save(self, f1: float) -> None:
        save(self.registry, f1=f1)

    @precondition(lambda self: self.registry.kept)
    @rule(data=st.data(), stage=st.sampled_from(Stage), policy=st.sampled_from([OPEN, BETTER]))
    def promote(self, data: st.DataObject, stage: Stage, policy: PromotionSettings) -> None:
        version = data.draw(st.sampled_from(self.registry.versions(VersionFilter(name="churn"))))
        try:
            up(self.registry, version.uri, policy, stage=stage)
        except (GateError, ConflictError):
            return
        if stage is Stage.PRODUCTION and self.was[-1:] != [version.version]:
            self.was.append(version.version)

    @rule()
    def roll_back(self) -> None:
        before, there = (
            production(self.registry),
            {v.version for v in self.registry.versions(VersionFilter(name="churn"))},
        )
        left = [number for number in self.was if number in there]
        while left and left[-1] == before:
            left.pop()
        if not left:
            with pytest.raises(NotFoundError):
                back(self.registry)
            return
        assert back(self.registry).version == left[-1]
        while self.was[-1] != left[-1] or len([n for n in self.was if n in there]) > len(left):
            self.was.pop()

    @precondition(lambda self: self.registry.kept)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        version = data.draw(st.sampled_from(self.registry.versions(VersionFilter(name="churn"))))
        self.registry.delete_model(version.uri, force=True)

    @invariant()
    def one_version_is_in_production_at_most(self) -> None:
        assert len(self.registry.versions(VersionFilter(name="churn", stage=Stage.PRODUCTION))) <= 1

    @invariant()
    def the_log_replays_to_the_present_stages(self) -> None:
        stages: dict[str, Stage] = {}
        for line in reversed(self.registry.history("churn")):
            assert stages.get(line.version, Stage.DEVELOPMENT) is line.from_stage
            stages[line.version] = line.to_stage
            if line.replaced:
                assert stages[line.replaced] is Stage.PRODUCTION
                stages[line.replaced] = Stage.ARCHIVED
        for version in self.registry.versions(VersionFilter(name="churn")):
            assert stages.get(version.version, Stage.DEVELOPMENT) is version.stage


TestAnySequence = AnySequence.TestCase
TestAnySequence.settings = settings(stateful_step_count=25, deadline=None)


def judged(*findings: Finding) -> EvidenceOf:
    verdict = RunVerdict(
        metric="f1",
        greater_is_better=True,
        level=0.05,
        method="draws",
        seed=0,
        rows=100,
        best=None,
        findings=findings,
    )
    run = RunEvidence(run_id="f" * 36, candidate="tree", metrics={"f1": 0.75}, verdict=verdict)
    return lambda _: [run]


LEAK = Finding(slug="leaky-feature", severity=Severity.HIGH, message="paid leaks", columns=("paid",))


def test_a_strict_project_promotes_nothing_whose_run_has_an_open_leak(registry) -> None:
    uri = save(registry, f1=0.75)
    with pytest.raises(GateError, match="run ffffffff has leaky-feature: mend the data, or accept it"):
        up(registry, uri, strict=True, evidence_of=judged(LEAK))
    assert production(registry) is None

    up(registry, uri, strict=True, evidence_of=judged(replace(LEAK, accepted="it is known in time")))
    assert production(registry) == "1.0.0"


def test_a_leak_is_in_nobodys_way_where_the_project_is_not_strict(registry) -> None:
    up(registry, save(registry, f1=0.75), evidence_of=judged(LEAK))
    assert production(registry) == "1.0.0"
