"""What is shown of the models that a run saves."""

import io
from dataclasses import replace
from datetime import timedelta

from fixtures.values.samples import NOON
from rich.console import Console

from bakeoff.cli.output.runs.saving_and_tracking_view import saving_lines
from bakeoff.domain.runs.model_saving import NotSaved, PromotionOutcome, Saved, Saving, SavingOutcome

WINNER = Saved(candidate="tree", run_id="r", evaluation_id="e", name="churn", version="1.0.3")
LOSER = NotSaved(candidate="stuck", evaluation_id="f", reason="it cannot be pickled: \x1b[31mno")


def shown(outcome, *, done=True):
    saving = Saving(
        run_id="r",
        due_at=NOON,
        tries=2,
        outcome=outcome,
        done_at=NOON + timedelta(seconds=1) if done else None,
    )
    console = Console(file=io.StringIO(), width=100, color_system=None)
    console.print(*saving_lines(saving), sep="\n")
    return [line.rstrip() for line in console.file.getvalue().splitlines() if line.strip()]


def test_what_was_saved_and_promoted_is_told_with_what_it_replaced():
    promotion = PromotionOutcome(version="1.0.3", stage="Production", promoted=True, replaced="1.0.1")

    assert shown(SavingOutcome(saved=(WINNER,), promotion=promotion)) == [
        "saved      churn 1.0.3 (tree)",
        "           promoted to Production, replacing 1.0.1",
    ]


def test_a_model_that_an_earlier_run_has_saved_is_told_with_its_version():
    assert shown(SavingOutcome(saved=(replace(WINNER, already=True),))) == [
        "saved      already as churn 1.0.3 (tree)"
    ]


def test_what_was_not_promoted_is_told_with_the_reason():
    reason = "f1 0.989 is 0.0021 below Production 1.0.1 (0.9911)"
    promotion = PromotionOutcome(version="1.0.3", stage="Production", promoted=False, reason=reason)

    assert (
        shown(SavingOutcome(saved=(WINNER,), promotion=promotion))[1] == f"           not promoted: {reason}"
    )


def test_a_hook_that_failed_is_told():
    promotion = PromotionOutcome(
        version="1.0.3", stage="Production", promoted=True, failed_hooks=("false: no",)
    )

    assert shown(SavingOutcome(saved=(WINNER,), promotion=promotion))[1:] == [
        "           promoted to Production",
        "           a hook failed: false: no",
    ]


def test_who_was_not_saved_is_told_and_why():
    assert shown(SavingOutcome(saved=(WINNER,), not_saved=(LOSER,)))[1] == (
        "not saved  stuck: it cannot be pickled: �[31mno"
    )


def test_why_nothing_was_saved_is_told():
    assert shown(SavingOutcome(remark="no candidate beats the baseline")) == [
        "not saved  no candidate beats the baseline"
    ]


def test_what_is_still_to_be_saved_is_told_with_the_reason_and_when_it_is_tried_again():
    assert shown(None, done=False) == ["not saved  yet: the next worker does it"]
    lines = shown(SavingOutcome(error="the registry is away"), done=False)

    assert lines[0] == "not saved  yet: the registry is away"
    assert lines[1].startswith("           tried 2 times; again from 2026-05-04 ")
