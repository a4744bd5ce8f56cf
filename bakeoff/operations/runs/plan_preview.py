"""What a run would do, before it is started: what it fits and reuses, what that costs, what it can show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.runs.column_importance import IMPORTANCE, LONGEST_S, SHARE_OF_LIMIT
from bakeoff.domain.runs.run import Run
from bakeoff.evaluation.planning.declared_run_options import RunSpec
from bakeoff.evaluation.planning.run_plan import Plan, make_plan
from bakeoff.evaluation.reuse.reuse_plan import Prospect, longest_first, work_s
from bakeoff.operations.context import Context
from bakeoff.operations.judging.detectable_difference import DetectableDifference, detectable_difference
from bakeoff.operations.judging.shuffle_check import cost_in_words, what_it_costs
from bakeoff.operations.runs import start_run


@dataclass(frozen=True, kw_only=True)
class RunAhead:
    run: Run  #: as it would be written
    plan: Plan
    prospects: Sequence[Prospect]  #: what becomes of each candidate, in the order in which they start
    detectable: DetectableDifference | None  #: None where nothing can be said
    shuffle_cost: Mapping[str, Any] | None  #: of the shuffle check, as JSON; None: the run asks for none

    @property
    def to_fit(self) -> int:
        return sum(prospect.fit is None for prospect in self.prospects)

    @property
    def work_s(self) -> tuple[float, float]:
        """The least and the most work of those that were timed before; the same unless it is a race."""
        return work_s(self.prospects, self.run)

    @property
    def untimed(self) -> int:
        return sum(prospect.fit is None and prospect.expected_s is None for prospect in self.prospects)

    @property
    def importance_s(self) -> float | None:
        """What it may take in each fit; None: the run asks for none."""
        return LONGEST_S if self.run.options.get(IMPORTANCE) else None

    @property
    def beside_fits(self) -> list[str]:
        """What options of the run cost beside the fits, in words."""
        said = [cost_in_words(self.shuffle_cost)] if self.shuffle_cost else []
        if self.importance_s is not None:
            said.append(
                f"each fit measures importance, too, in {self.importance_s:g} s more at most, or in "
                f"{100 * SHARE_OF_LIMIT:g} % of its time limit if that is less"
            )
        return said


def plan_ahead(context: Context, spec: RunSpec) -> RunAhead:
    """The data are read, and pinned as a snapshot; nothing is started."""
    plan = make_plan(
        spec, catalog=context.catalog, configuration=context.configuration, pin=context.pin_cache.pin
    )
    return ahead_of(context, plan)


def ahead_of(context: Context, plan: Plan) -> RunAhead:
    run = start_run.run_of(plan, run_id=new_id())
    prospects = longest_first(start_run.prospects_of(context, run, plan.candidates, fresh=plan.spec.fresh))
    candidates = sum(prospect.candidate.id != run.baseline_id for prospect in prospects)
    return RunAhead(
        run=run,
        plan=plan,
        prospects=prospects,
        detectable=detectable_difference(context, run, candidates),
        shuffle_cost=what_it_costs(context) if run.wants_shuffle_check else None,
    )
