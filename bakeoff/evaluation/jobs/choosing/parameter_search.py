"""In the cell: the search for parameters on training rows, by Optuna.

Trial by trial, parameters are suggested, the candidate is fitted to the inner folds, and what they give on
average decides. Each trial is written to a file as it begins and as soon as it has ended (`trial_file`): the
next cell is given those that have ended, and goes on behind them. The sampler is seeded anew for each trial,
from the seed and the number of the trial, so that it suggests the same as if nobody had died.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from bakeoff.cell.inside.cell_api import EntryFailure
from bakeoff.domain import metric_names_and_scoring_rules
from bakeoff.domain.candidate import Candidate
from bakeoff.domain.runs.result import digest_of
from bakeoff.domain.tuning import MOST_ERROR_CHARS, Sampler, Trial, TrialState, Tuning, search_record
from bakeoff.evaluation.datasets.read_snapshot import Data
from bakeoff.evaluation.jobs.choosing.inner_folds import (
    FitModel,
    inner_folds,
    predictions_on,
    scoring_rules,
    value_on,
)
from bakeoff.evaluation.jobs.choosing.trial_file import begin_line, end_line, over_line
from bakeoff.evaluation.metrics.metric_names import need_more_than_labels
from registry.catalog.search_space import with_parameters
from registry.code.class_import import describe_exception

log = logging.getLogger(__name__)

_STARTUP_TRIALS = 5  #: that nothing is pruned before


@dataclass(frozen=True, kw_only=True)
class Search:
    tuning: Tuning
    trials: tuple[Trial, ...]
    out_of_time: bool

    @property
    def best(self) -> Trial:
        assert self.tuning.rules.metric is not None  # noqa: S101 - the plan has filled it in
        sign = 1 if metric_names_and_scoring_rules.greater_is_better(self.tuning.rules.metric) else -1
        complete = [trial for trial in self.trials if trial.state is TrialState.COMPLETE]
        return max(complete, key=lambda trial: sign * (trial.value or 0.0))

    def to_record(self) -> dict[str, Any]:
        return search_record(self.tuning, self.trials, best=self.best, out_of_time=self.out_of_time)


def search(
    candidate: Candidate,
    data: Data,
    fit: FitModel,
    *,
    seed: int,
    longest_s: float,
    earlier: Sequence[Mapping[str, Any]],
    keep: Callable[[bytes], Any],
) -> Search:
    """`longest_s`: for all trials, also where the entry names more seconds, or none. `earlier`: trials of an
    earlier cell that died. `keep` writes a line to the file that survives.
    """
    optuna = _optuna()
    tuning = candidate.tune
    assert tuning is not None  # noqa: S101 - the caller has looked
    budget_s = min(tuning.seconds or longest_s, longest_s)
    study = optuna.create_study(
        direction="maximize"
        if metric_names_and_scoring_rules.greater_is_better(tuning.rules.metric or "")
        else "minimize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_STARTUP_TRIALS)
        if tuning.prune
        else optuna.pruners.NopPruner(),
    )
    space = {name: _distribution(optuna, values) for name, values in tuning.params.items()}
    trials = [Trial.from_json(one) for one in earlier][: tuning.trials]
    for trial in trials:
        study.add_trial(_frozen(optuna, trial, tuning, space))
    spent_s = sum(trial.seconds for trial in trials)
    began = time.monotonic()
    folds = list(inner_folds(data, tuning.folds, seed=seed, hint="ask for fewer folds below `tune`"))
    while len(trials) < tuning.trials and spent_s + time.monotonic() - began < budget_s:
        study.sampler = _sampler(optuna, tuning.sampler, _seed_of(seed, len(trials)))
        suggested = study.ask(space)
        params = {name: _value(tuning.params[name], suggested.params[name]) for name in space}
        keep(begin_line(len(trials), params))
        tried = _tried(
            candidate,
            folds,
            fit,
            number=len(trials),
            params=params,
            is_hopeless=partial(_report, suggested),
            rules=tuning,
            until=began + budget_s - spent_s,
        )
        if tried is None:
            break
        study.tell(suggested, **_told(optuna, tried))
        trials.append(tried)
        keep(end_line(tried))
    keep(over_line())
    if not any(trial.state is TrialState.COMPLETE for trial in trials):
        raise _nothing_found(trials, budget_s, tuning)
    return Search(tuning=tuning, trials=tuple(trials), out_of_time=len(trials) < tuning.trials)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as exc:
        raise EntryFailure(
            type="NoOptuna",
            message=f"its entry has `tune`, and Optuna cannot be imported: {describe_exception(exc)}",
            hint="install it: pip install 'bakeoff[tune]'",
        ) from exc
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _tried(
    candidate: Candidate,
    folds: Sequence[Any],
    fit: FitModel,
    *,
    number: int,
    params: Mapping[str, Any],
    is_hopeless: Callable[[int, float], bool],
    rules: Tuning,
    until: float,
) -> Trial | None:
    """One trial. None if the time was over before it had come to its end."""
    began, values, error = time.monotonic(), [], ""
    state, scored_by = TrialState.COMPLETE, scoring_rules(rules.rules)
    for place, fold in enumerate(folds):
        if time.monotonic() >= until:
            return None
        try:
            tried = with_parameters(candidate, params)
            model = fit(tried, fold.data)
            more = need_more_than_labels(scored_by, fold.data.target_kind)
            value = value_on(fold, predictions_on(model, tried, fold, more_than_labels=more), scored_by)
        except MemoryError:
            raise  # no fault of these parameters alone: what is left of the process cannot be relied on
        except Exception as exc:  # noqa: BLE001 - a candidate may raise anything: this trial has failed
            value, error = None, describe_exception(exc)
        if value is None:
            state, error = TrialState.FAILED, error or _undefined(rules)
            break
        values.append(value)
        if place < len(folds) - 1 and is_hopeless(place, sum(values) / len(values)):
            state = TrialState.PRUNED
            break
    failed = state is TrialState.FAILED
    return Trial(
        number=number,
        params=params,
        state=state,
        value=None if failed else sum(values) / len(values),
        folds=tuple(values),
        seconds=time.monotonic() - began,
        error=error[:MOST_ERROR_CHARS],
    )


def _undefined(tuning: Tuning) -> str:
    return f"{tuning.rules.metric} is undefined"


def _report(asked: Any, step: int, value: float) -> bool:
    asked.report(value, step)
    return bool(asked.should_prune())


def _told(optuna: Any, trial: Trial) -> dict[str, Any]:
    states = optuna.trial.TrialState
    if trial.state is TrialState.COMPLETE:
        return {"values": trial.value}
    return {"state": states.PRUNED if trial.state is TrialState.PRUNED else states.FAIL}


def _frozen(optuna: Any, trial: Trial, tuning: Tuning, space: Mapping[str, Any]) -> Any:
    """The trial of an earlier attempt, as Optuna keeps it."""
    states, means = optuna.trial.TrialState, _running_means(trial.folds)
    if trial.state is TrialState.FAILED:
        state = states.FAIL
    else:
        state = states.COMPLETE if trial.state is TrialState.COMPLETE else states.PRUNED
        means = means[:-1] if state is states.COMPLETE else means
    return optuna.trial.create_trial(
        state=state,
        value=None if state is states.FAIL else trial.value,
        params={
            name: list(values).index(trial.params[name])
            if isinstance(values, list | tuple)
            else trial.params[name]
            for name, values in tuning.params.items()
        },
        distributions=dict(space),
        intermediate_values=dict(enumerate(means)),
    )


def _running_means(values: Sequence[float]) -> list[float]:
    return [sum(values[: place + 1]) / (place + 1) for place in range(len(values))]


def _seed_of(seed: int, number: int) -> int:
    """For one trial. If it were the sum of both, neighbouring seeds would search nearly the same."""
    return int(digest_of([seed, number])[:8], 16)


def _sampler(optuna: Any, kind: Sampler, seed: int) -> Any:
    if kind is Sampler.RANDOM:
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(seed=seed)


def _distribution(optuna: Any, values: Any) -> Any:
    """Of a list, the places in it: Optuna takes few types as choices."""
    if isinstance(values, list | tuple):
        return optuna.distributions.CategoricalDistribution(list(range(len(values))))
    [(kind, (low, high))] = values.items()
    if kind == "integers":
        return optuna.distributions.IntDistribution(low, high)
    return optuna.distributions.FloatDistribution(low, high, log=kind == "log_uniform")


def _value(values: Any, suggested: Any) -> Any:
    return values[suggested] if isinstance(values, list | tuple) else suggested


def _nothing_found(trials: Sequence[Trial], budget_s: float, tuning: Tuning) -> EntryFailure:
    if not trials:
        return EntryFailure(
            type="NoTimeToTune",
            message=f"no trial came to its end within {budget_s:.3g} seconds",
            hint="give `tune` more seconds, or the candidate a longer timeout",
        )
    return EntryFailure(
        type="TuningFailed",
        message=f"each of {len(trials)} trials failed, the last one with {trials[-1].error}",
        hint="ask for fewer folds, or name another metric, below `tune`"
        if all(trial.error == _undefined(tuning) for trial in trials)
        else "look at the parameters below `tune`",
    )
