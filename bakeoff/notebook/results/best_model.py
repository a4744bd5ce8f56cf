"""The winner of a bake-off as a fitted model, loaded from the registry.

A run that saves nothing leaves no model. Then the winner is fitted once more, alone, on the same training
rows, and saved; the next time that version is found by the fingerprint of its fit.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bakeoff.domain.errors import InvalidInputError, NotFoundError
from bakeoff.domain.ids_and_times import new_id, utc_now
from bakeoff.domain.model_version import ModelVersion, VersionFilter, check_name
from bakeoff.domain.runs.model_saving import SavePolicy, SaveRequest
from bakeoff.domain.runs.run import RunState

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bakeoff.domain.runs.result import Result
    from bakeoff.inference.loaded_version import LoadedVersion
    from bakeoff.notebook.project_session import ProjectSession
    from bakeoff.operations.runs.run_report import RunReport
    from registry.models.registry_interface import BaseModelRegistry

_ELSEWHERE = "its worker keeps models where this machine does not find them: let all use one registry"


class BestModel:
    """A fitted candidate. It checks the columns it is given, and prepares them as in its bake-off."""

    def __init__(self, candidate: str, loaded: "LoadedVersion") -> None:
        self.candidate = candidate
        self._loaded = loaded

    @property
    def uri(self) -> str:
        """Its address in the registry, such as `models:/data/1.0.0`."""
        return self._loaded.version.uri

    @property
    def estimator(self) -> Any:
        """The fitted object itself. What prepares its columns is in `preprocessor`."""
        return self._loaded.model

    @property
    def preprocessor(self) -> Any:
        """The fitted default pipeline before it; None if the data needed none."""
        return self._loaded.preprocessor

    @property
    def classes_(self) -> "NDArray[Any] | None":
        return self._loaded.output_rules.classes

    def predict(self, X: Any) -> "NDArray[Any]":
        """A label or a number for each row."""
        return self._loaded.answer(X).predictions

    def predict_proba(self, X: Any) -> "NDArray[Any]":
        """One column for each of `classes_`. InvalidInputError if it gives no probabilities."""
        import numpy as np

        found = self._loaded.answer(X, probabilities=True).probabilities
        positive = self._loaded.output_rules.positive
        if found is None:
            raise InvalidInputError(f"{self.candidate} gives no probabilities: use predict")
        if found.ndim != 1 or positive is None:
            return found
        columns = [1.0 - found, found]
        return np.column_stack(columns if positive else columns[::-1])

    def __repr__(self) -> str:
        return f"<{self.candidate}, fitted: {self.uri}>"


def best_of(session: "ProjectSession", report: "RunReport", *, progress: bool | None) -> BestModel:
    """`progress`: of a fit that is still needed, as `compare` takes it."""
    from bakeoff.inference.loaded_version import LoadedVersion
    from registry.code.class_import import add_to_import_path
    from registry.models.registry_opening import open_registry

    registry = open_registry(session.configuration)
    result = _winner(report)
    version = _saved_version(session, registry, result)
    if version is None:
        version = _fit_and_save(session, registry, report, result, progress=progress)
    add_to_import_path(session.configuration.root)  # where classes of the notebook are unpickled from
    return BestModel(result.model_id, LoadedVersion.of(registry.load(version.id)))


def _winner(report: "RunReport") -> "Result":
    results = [row.result for row in report.standings if row.result.model_id != report.run.baseline_id]
    if not results:
        raise NotFoundError(f"run {report.run.title} has no candidate with a result: `.errors` says why")
    recommended = report.verdict.recommended if report.verdict else None
    return next((one for one in results if one.model_id == recommended), results[0])


def _saved_version(
    session: "ProjectSession", registry: "BaseModelRegistry", result: "Result"
) -> ModelVersion | None:
    """The newest version that was saved from a fit with the same fingerprint."""
    from bakeoff.store.bakeoffs.results import earlier_fits

    engine, evaluation = session.context.engine, result.reused_from or result.evaluation_id
    fit = earlier_fits.of_evaluation(engine, evaluation)
    alike = {evaluation}
    if fit is not None:
        fingerprint = fit.provenance.fingerprint
        fits = earlier_fits.with_fingerprints(engine, {fingerprint}).get(fingerprint, ())
        alike |= {one.result.evaluation_id for one in fits}
    found = [
        version
        for version in registry.versions(VersionFilter(dataset_id=result.dataset_id))
        if version.origin.evaluation_id in alike
    ]
    return max(found, key=lambda version: version.created_at, default=None)


def _fit_and_save(
    session: "ProjectSession",
    registry: "BaseModelRegistry",
    report: "RunReport",
    result: "Result",
    *,
    progress: bool | None,
) -> ModelVersion:
    from bakeoff.notebook.bakeoff_run import BakeoffRun
    from bakeoff.operations.runs import start_run
    from bakeoff.store.bakeoffs import job_queries

    _refuse_to_promote(session)
    candidate = job_queries.get(session.context.engine, result.evaluation_id).candidate
    run = replace(
        report.run,
        id=new_id(),
        name=f"{report.run.name}-best",
        state=RunState.QUEUED,
        baseline_id=None,
        repeat_check=False,
        save=SaveRequest(policy=SavePolicy.ALL, name=check_name(report.run.dataset.name)),
        request_digest=None,
        created_at=utc_now(),
        started_at=None,
        ended_at=None,
    )
    session.serve(run.id)
    start_run.write_and_ring(session.context, run, [candidate], fresh=False)
    fitted = BakeoffRun(session, run.id, progress=progress).wait()
    if fitted.errors:
        raise NotFoundError(
            f"{result.model_id} could not be fitted again: {fitted.errors[result.model_id]!r}"
        )
    [again] = [row.result for row in fitted.report.standings]
    if (version := _saved_version(session, registry, again)) is None:
        saving = fitted.report.saving
        outcome = saving.outcome if saving else None
        why = (
            "; ".join([one.reason for one in outcome.not_saved] or [outcome.error or _ELSEWHERE])
            if outcome
            else "no worker did it"
        )
        raise NotFoundError(f"{result.model_id} was fitted and is not saved: {why}")
    return version


def _refuse_to_promote(session: "ProjectSession") -> None:
    """What a run saves may be promoted by the policy of the project, which reading a property must not do."""
    stage = session.configuration.settings.model_registry.promotion.stage
    if stage is not None:
        raise NotFoundError(
            f"this run saved no model, and what is saved here is promoted to {stage}: run it with save='best'"
        )
