"""`bakeoff.project` and `bakeoff.run`: a configured project from Python."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from bakeoff.domain.errors import InvalidInputError, NotFoundError
from bakeoff.domain.wording import listed
from bakeoff.notebook.bakeoff_run import BakeoffRun
from bakeoff.notebook.call_option_types import Metrics, Save
from bakeoff.notebook.given_data import write_data
from bakeoff.notebook.open_projects import session_of, temporary_session
from bakeoff.notebook.start_bakeoff import start_bakeoff

if TYPE_CHECKING:
    import pandas as pd

    from bakeoff.inference.predictor import ModelPredictor
    from bakeoff.notebook.call_option_types import OnInterrupt, ProjectOptions
    from bakeoff.notebook.project_session import ProjectSession
    from bakeoff.notebook.results.bakeoff_result import BakeoffResult
    from bakeoff.notebook.results.suite_result import SuiteResult
    from bakeoff.operations.comparing.compare_results import ResultComparison
    from registry.models.registry_interface import BaseModelRegistry


def project(path: str | Path | None = None) -> "Project":
    """The project in this folder, or that of the current one. `bakeoff init` makes one.

    Args:
        path: the folder of the project, or its configuration file.

    Raises:
        NotFoundError: there is no project.
    """
    from bakeoff.settings.configuration import DEFAULT_FILE, load

    place = None if path is None else Path(path).expanduser()
    if place is not None and not place.is_file():
        if not (place / DEFAULT_FILE).is_file():
            raise NotFoundError(
                f"there is no project in {place}, which would have a file {DEFAULT_FILE}: correct the "
                f"path, or make one with `bakeoff init {place}`"
            )
        place = place / DEFAULT_FILE
    configuration = load(place)
    if configuration.file is None and not configuration.catalog_file.is_file():
        raise NotFoundError(
            f"there is no project in {configuration.root} or above it: name its folder, or make one with "
            "`bakeoff init`; `bakeoff.compare` needs none"
        )
    return Project(session_of(configuration))


def notebook_project() -> "Project":
    """The temporary project that `bakeoff.compare` works in, with all runs of this folder's notebooks."""
    return Project(temporary_session())


class Project:
    """A project: its runs, its registry, and bake-offs of its datasets and candidates.

    Whether its broker is the embedded one or that of a cluster makes no difference here. If no worker
    answers, one is started, which ends with this process.
    """

    def __init__(self, session: "ProjectSession") -> None:
        self._session = session

    def __repr__(self) -> str:
        datasets = listed(self._session.configuration.settings.datasets)
        return f"<bakeoff project {self.root}; datasets: {datasets}>"

    @property
    def root(self) -> Path:
        return self._session.configuration.root

    @overload
    def run(
        self,
        dataset: Any = None,
        y: Any = None,
        *,
        wait: Literal[True] = True,
        **options: "Unpack[ProjectOptions]",
    ) -> "BakeoffResult": ...

    @overload
    def run(
        self,
        dataset: Any = None,
        y: Any = None,
        *,
        wait: Literal[False],
        **options: "Unpack[ProjectOptions]",
    ) -> BakeoffRun: ...

    def run(
        self,
        dataset: Any = None,
        y: Any = None,
        *,
        models: Any = None,
        metrics: Metrics = None,
        save: Save = None,
        timeout: float | None = None,
        memory_mb: int | None = None,
        wait: bool = True,
        progress: bool | None = None,
        on_interrupt: "OnInterrupt" = "cancel",
        **options: Any,
    ) -> "BakeoffResult | BakeoffRun":
        """Runs candidates on a dataset.

        Args:
            dataset: the name of a dataset of the configuration, which may be left out if there is just one;
                or data, as for `bakeoff.compare`.
            y: what to predict, if `dataset` is data or a file.
            models: ids of the catalog, or estimators as for `bakeoff.compare`; None: all that are enabled.
            metrics: names of metrics, or functions; the first one ranks.
            save: "best" or "all" keeps models in the registry, "none" none; None: as the configuration says.
            timeout: seconds that one candidate may take.
            memory_mb: memory that one candidate may use.
            wait: False returns at once, with an object to wait for.
            progress: None shows what fits the place, False nothing.
            on_interrupt: "cancel" ends the run when the kernel is interrupted, "detach" lets it go on.
            options: further options of a run, by the names of `bakeoff.compare` or `bakeoff run`.
        """
        self._session.begin_worker()
        data, beside = None, {what: options.pop(what, None) for what in ("groups", "time", "weights")}
        if isinstance(dataset, str) and y is None:
            options["dataset"] = dataset
        elif dataset is None:
            options["dataset"] = self._only_dataset()
        else:
            data = write_data(
                dataset,
                y,
                folder=self._session.inputs,
                name=options.get("name"),
                task=options.pop("task", None),
                beside=beside,
            )
            beside = dict(data.beside)
        run = start_bakeoff(
            self._session,
            models,
            data=data,
            beside=beside,
            metrics=metrics,
            save=save,
            timeout=timeout,
            memory_mb=memory_mb,
            progress=progress,
            on_interrupt=on_interrupt,
            **options,
        )
        return run.wait() if wait else run

    def runs(self, limit: int = 20) -> "pd.DataFrame":
        """The newest runs, one row for each, by id."""
        from bakeoff.notebook.results.result_frames import run_list
        from bakeoff.store.bakeoffs import run_rows

        if not self._session.context.has_database():
            return run_list([])
        return run_list(run_rows.page(self._session.context.engine, limit=limit))

    def get_run(self, run: str = "latest") -> BakeoffRun:
        """A run by its name, by the beginning of its id, or the latest: `.wait()` gives its result."""
        from bakeoff.store.bakeoffs import run_rows

        return BakeoffRun(self._session, run_rows.find(self._session.context.engine, run))

    def suite(self, name: str, *, fresh: bool = False, timeout: float | None = None) -> "SuiteResult":
        """Runs a suite of the configuration to its end: the same candidates on several datasets.

        `.verdict.sentence` says what can be said over all of them, `.verdict.candidates` has the mean ranks.

        Args:
            name: an entry of `suites` in the configuration.
            fresh: fit all candidates, whatever was fitted before.
            timeout: seconds to wait for the end of all runs, which go on after a TimeoutError.
        """
        from bakeoff.notebook.results.suite_result import SuiteResult
        from bakeoff.operations.suites.start_suite import new_suite, start_suite
        from bakeoff.operations.suites.suite_report import read_suite

        context = self._session.context
        suite = new_suite(context, name, fresh=fresh)
        self._session.worker.ensure()
        start_suite(context, suite)
        deadline = None if timeout is None else time.monotonic() + timeout
        for member in suite.members:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            run = BakeoffRun(self._session, member.run_id, progress=False, on_interrupt="detach")
            try:
                run.wait(left)
            except TimeoutError as exc:
                raise TimeoutError(f"suite {name} is not over after {timeout:g} s; its runs go on") from exc
        return SuiteResult.of(read_suite(context, suite.id))

    def compare(
        self, *words: str, run: str | None = None, margin: float | None = None, rows: int = 0
    ) -> "ResultComparison":
        """Results of one test set side by side: candidates, runs or saved versions, as `bakeoff compare`."""
        from bakeoff.operations.comparing.compare_results import compare_results

        return compare_results(self._session.context, words, run=run, margin=margin, rows=rows)

    @property
    def registry(self) -> "BaseModelRegistry":
        """The registry of trained models."""
        from registry.models.registry_opening import open_registry

        return open_registry(self._session.configuration)

    def predictor(self, uri: str) -> "ModelPredictor":
        """A saved model, ready to predict: `project.predictor("models:/churn/Production").predict(X)`."""
        from bakeoff.inference.predictor import ModelPredictor
        from registry.code.class_import import add_to_import_path

        add_to_import_path(self.root)
        predictor = ModelPredictor(self.registry)
        predictor.load_model(uri)
        return predictor

    def _only_dataset(self) -> str:
        known = list(self._session.configuration.settings.datasets)
        if len(known) != 1:
            raise InvalidInputError(f"which dataset? Name one of {listed(sorted(known))}, or give X and y")
        return known[0]


@overload
def run(
    dataset: Any = None,
    y: Any = None,
    *,
    wait: Literal[True] = True,
    **options: "Unpack[ProjectOptions]",
) -> "BakeoffResult": ...


@overload
def run(
    dataset: Any = None, y: Any = None, *, wait: Literal[False], **options: "Unpack[ProjectOptions]"
) -> BakeoffRun: ...


def run(dataset: Any = None, y: Any = None, **options: Any) -> "BakeoffResult | BakeoffRun":
    """`Project.run` of the current folder's project."""
    found: BakeoffResult | BakeoffRun = project().run(dataset, y, **options)
    return found
