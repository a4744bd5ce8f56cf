"""A project as a notebook or script uses it: one context and one worker for all its runs."""

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from bakeoff.domain.errors import BakeoffError, InvalidInputError
from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.machine.work_in_thread import start_in_thread
from bakeoff.operations.context import Context, Messenger
from bakeoff.worker.temporary.send_doorbells_through_worker import MessengerByWorker
from bakeoff.worker.temporary.worker_for_one_process import OwnedWorker

if TYPE_CHECKING:
    from subprocess import Popen

    from bakeoff.evaluation.planning.run_plan import Plan
    from bakeoff.evaluation.reuse.reuse_plan import Prospect
    from bakeoff.notebook.candidates.given_candidates import GivenCandidates
    from bakeoff.notebook.given_data import GivenData
    from bakeoff.settings.configuration import Configuration
    from registry.catalog.live_catalog import Catalog


#: How long runs and data of a temporary project are kept.
_KEPT = timedelta(days=30)
_DAY_S = 86_400.0
_INPUTS = "inputs"


@dataclass(frozen=True, kw_only=True)
class StartedRun:
    run_id: str
    plan: "Plan"
    prospects: "tuple[Prospect, ...]"  #: what becomes of each candidate, and why


class ProjectSession:
    def __init__(
        self,
        configuration: "Configuration",
        *,
        environment: Mapping[str, str],
        is_temporary: bool,
        begun: "Popen[bytes] | None" = None,
    ) -> None:
        """`environment`: of a worker that is started; `begun`: one that was begun already."""
        self.context = Context(
            configuration, lambda context: MessengerByWorker(self.worker, lambda: _messenger(context))
        )
        self.is_temporary = is_temporary
        self.worker = OwnedWorker(self.context, environment, begun=begun)

    @property
    def inputs(self) -> Path:
        """The folder of data that were given as objects."""
        return self.configuration.data_dir / _INPUTS

    @property
    def configuration(self) -> "Configuration":
        return self.context.configuration

    def start(
        self,
        candidates: Any,
        *,
        data: "GivenData | None",
        body: Mapping[str, Any],
        timeout_s: float | None = None,
        memory_mb: int | None = None,
    ) -> StartedRun:
        """`candidates` None: those of the catalog. `body`: what `RunRequest` knows, by camelCase key."""
        from bakeoff.evaluation.planning.declared_run_options import RunRequest
        from bakeoff.evaluation.planning.run_plan import make_plan
        from bakeoff.notebook.candidates.given_candidates import read_candidates
        from bakeoff.operations.runs import start_run

        run_id = new_id()
        _name_the_current_folder()
        self.context.make_project_importable()
        self._prepare_database()
        starting = start_in_thread(lambda: self.serve(run_id))
        try:
            given = (
                None
                if candidates is None
                else read_candidates(candidates, self._write_code, grids=_grids_of(body))
            )
            configuration = _with_dataset(self.configuration, data)
            request = RunRequest.parse(
                {
                    **body,
                    **_named_data(data),
                    **({"models": list(given.order), "grid": dict(given.grids) or None} if given else {}),
                }
            )
            plan = make_plan(
                request,
                catalog=lambda: self._catalog(given),
                configuration=configuration,
                pin=self.context.pin_cache.pin,
            )
            plan = replace(
                plan,
                candidates=tuple(
                    replace(
                        one,
                        timeout_s=timeout_s or one.timeout_s,
                        memory_limit_mb=memory_mb or one.memory_limit_mb,
                    )
                    for one in plan.candidates
                ),
            )
            starting.result()
            prospects = start_run.start_planned(self.context, plan, run_id=run_id, name=request.name)
        except BaseException:  # an interrupt among them, which may come when the run is written already
            self._give_up(run_id)
            raise
        return StartedRun(run_id=run_id, plan=plan, prospects=tuple(prospects))

    def _prepare_database(self) -> None:
        """A temporary project follows a new version of Bakeoff by itself, when nobody is at work in it."""
        from bakeoff.store.database import schema_version

        engine = self.context.engine
        found = schema_version.current(engine) if self.is_temporary else None
        if found is not None and found < schema_version.HEAD:
            self.worker.stop()  # it has just been started, and does not work with the old schema
            if not self.context.messenger.evaluations_are_read():
                schema_version.upgrade(engine)
        schema_version.ensure(engine)
        if self.is_temporary:
            self._clear_what_is_old()

    def _clear_what_is_old(self) -> None:
        """Once a day: nobody else tidies up a temporary project, and it must not fill the disk."""
        from bakeoff.notebook.given_data import clear_inputs
        from bakeoff.operations.upkeep.collect_garbage import remove_garbage

        mark = self.configuration.data_dir / "cleared"
        if mark.exists() and mark.stat().st_mtime > time.time() - _DAY_S:
            return
        mark.touch()
        clear_inputs(self.inputs, unused_s=_KEPT.total_seconds())
        remove_garbage(self.context, _KEPT)

    def is_there(self) -> bool:
        """Whether its folder is. A temporary one may be removed at any time."""
        file = self.configuration.file
        return file is None or file.is_file()

    def close(self) -> None:
        """Ends the worker, and lets go of the database and of the embedded Redis."""
        self.worker.stop()
        self.context.broker.release()
        self.context.engine.dispose()

    def begin_worker(self) -> None:
        """Starts the worker while the data are written and libraries are loaded; it takes the longest.

        What goes wrong there is said when a run is started.
        """
        Thread(target=self._try_to_start_worker, daemon=True).start()

    def _try_to_start_worker(self) -> None:
        with suppress(BakeoffError, OSError):
            self.worker.ensure()

    def _give_up(self, run_id: str) -> None:
        from bakeoff.store.bakeoffs import cancellation

        with suppress(BakeoffError):
            cancellation.cancel_run(self.context.engine, run_id)
        self.worker.disown(run_id)

    def serve(self, run_id: str) -> None:
        """There is a worker for this run, which ends with this process. Called before the run is written."""
        self.worker.ensure()
        self.worker.own(run_id)

    def _write_code(self, thing: Any) -> str:
        from bakeoff.notebook.candidates.notebook_code_as_modules import write_module

        return write_module(thing, root=self.configuration.root)

    def _catalog(self, given: "GivenCandidates | None") -> "Catalog":
        """That of the project, if its candidates are wanted, with the given ones for this run alone."""
        from registry.catalog.live_catalog import Catalog

        if given is None:
            return self.context.catalog()
        own = {one.candidate.id for one in given.own}
        catalog = Catalog.empty_of(self.configuration)
        if from_catalog := [name for name in given.order if name not in own]:
            self._require_catalog(from_catalog[0])
            project = self.context.catalog()
            catalog.add((), known=[project.get(name) for name in from_catalog])
        catalog.add(
            [one.candidate for one in given.own if one.needs_check],
            known=[one.candidate for one in given.own if not one.needs_check],
        )
        return catalog

    def _require_catalog(self, name: str) -> None:
        if self.is_temporary:
            raise InvalidInputError(
                f"{name!r} would be an id of a catalog, and this comparison is in no project: give an "
                "estimator, the path of its class such as 'sklearn.svm:SVC', or use bakeoff.run in the "
                "folder of a project"
            )


def _name_the_current_folder() -> None:
    """In a prompt and in a notebook the current folder is "" on the path, which means nothing in a cell."""
    if "" in sys.path and (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)


def _messenger(context: Context) -> Messenger:
    from tasks.celery import messenger_for

    return messenger_for(context)


def _task(task: str | None) -> Any:
    if task not in {None, "binary", "multiclass", "regression"}:
        raise InvalidInputError(f"task is {task!r}: give 'binary', 'multiclass' or 'regression', or nothing")
    return task


def _grids_of(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """As the request has them. What is no mapping is left to the request, which says so."""
    return body["grid"] if isinstance(body.get("grid"), Mapping) else None


def _named_data(data: "GivenData | None") -> dict[str, Any]:
    if data is None:
        return {}
    return {"dataset": str(data.path), "target": data.target} if data.is_of_user else {"dataset": data.name}


def _with_dataset(configuration: "Configuration", data: "GivenData | None") -> "Configuration":
    """The configuration with the data as one of its datasets. Its file stays as it is."""
    from bakeoff.settings.setting_definitions import DatasetSettings, DatasetSource

    if data is None or data.is_of_user:
        return configuration
    dataset = DatasetSettings(
        source=DatasetSource.PARQUET,
        path=str(data.path),
        target=data.target,
        task=_task(data.task),
        drop=sorted(set(data.beside.values())),
    )
    settings = configuration.settings
    known = {**settings.datasets, data.name: dataset}
    return replace(configuration, settings=settings.model_copy(update={"datasets": known}))


def names_of(words: str | Sequence[str] | None) -> list[str] | None:
    if words is None:
        return None
    if isinstance(words, str):
        return [words]
    if not all(isinstance(word, str) for word in words):
        raise InvalidInputError(f"expected names, got {words!r}")
    return list(words)
