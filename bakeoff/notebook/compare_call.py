"""`bakeoff.compare`: a bake-off of estimators in one call."""

from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.machine.faster_process_start_and_end import collecting_seldom
from bakeoff.notebook.open_projects import comparison_session
from bakeoff.notebook.project_folders import check_workers

if TYPE_CHECKING:
    from bakeoff.notebook.bakeoff_run import BakeoffRun
    from bakeoff.notebook.call_option_types import CompareOptions, Metrics, OnInterrupt, Save, Task
    from bakeoff.notebook.results.bakeoff_result import BakeoffResult


@overload
def compare(
    candidates: Any,
    X: Any,
    y: Any = None,
    *,
    wait: Literal[True] = True,
    **options: "Unpack[CompareOptions]",
) -> "BakeoffResult": ...


@overload
def compare(
    candidates: Any, X: Any, y: Any = None, *, wait: Literal[False], **options: "Unpack[CompareOptions]"
) -> "BakeoffRun": ...


def compare(
    candidates: Any,
    X: Any,
    y: Any = None,
    *,
    metrics: "Metrics" = None,
    folds: int | None = None,
    repeats: int | None = None,
    seeds: int | None = None,
    groups: Any = None,
    time: Any = None,
    weights: Any = None,
    test_size: float | None = None,
    seed: int | None = None,
    task: "Task | None" = None,
    timeout: float | None = None,
    memory_mb: int | None = None,
    workers: int | None = None,
    save: "Save" = None,
    save_as: str | None = None,
    baseline: bool = True,
    fresh: bool = False,
    name: str | None = None,
    wait: bool = True,
    progress: bool | None = None,
    on_interrupt: "OnInterrupt" = "cancel",
    **options: Any,
) -> "BakeoffResult | BakeoffRun":
    """Fits each candidate in a process of its own, and says which is better and how surely.

    >>> import bakeoff
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> result = bakeoff.compare([KNeighborsClassifier(), DecisionTreeClassifier()], X, y, progress=False)
    >>> sorted(result.leaderboard.index)
    ['DecisionTreeClassifier', 'KNeighborsClassifier', 'dummy']

    Args:
        candidates: estimators, pipelines or classes, in a list or a dict with a name for each; a path
            `package.module:Class`; names of the catalog of the current folder's project, in which the
            comparison then takes place.
        X: a DataFrame (pandas, polars, Arrow), an array, or the path of a CSV or Parquet file.
        y: what to predict: an array, or the name of a column of X.
        metrics: names of metrics, or functions `f(y_true, y_pred)`; the first one ranks.
        folds: cross-validation, in which each row is tested once; None: one split.
        repeats: how often the rows are dealt to the folds.
        seeds: how often each candidate is fitted, each time with another seed, to compare recipes.
        groups: an array, or the name of a column of X: rows of one group are all trained on, or all tested.
        time: an array, or the name of a column of X: what is tested comes after what is trained on.
        weights: an array, or the name of a column of X: how much each row counts, in fits and metrics.
        test_size: share of the rows that is held out.
        seed: of the split, and of each `random_state` that is not given.
        task: "binary", "multiclass" or "regression"; None: as the values of `y` say.
        timeout: seconds that one candidate may take.
        memory_mb: memory that one candidate may use, beside the libraries and the data.
        workers: how many candidates are fitted at once; None: one for each core.
        save: "best" keeps the winner in the registry, "all" each candidate.
        save_as: what it is called there.
        baseline: add the dummy that others must beat.
        fresh: fit all candidates, whatever was fitted before.
        name: of the run and of the data, as shown.
        wait: False returns at once, with an object to wait for.
        progress: None shows a bar or, in logs, one line for each candidate; False shows nothing.
        on_interrupt: "cancel" ends the run when the kernel is interrupted, "detach" lets it go on.
        options: further options of a run, by the names of `bakeoff run`.

    Raises:
        InvalidInputError: something that was given cannot be used; the message says what to change.
    """
    if candidates is None:
        raise InvalidInputError("no candidate is given: give estimators, in a list or a dict")
    # X in their place: a frame, or an array of numbers. An array of estimators is one of objects.
    if hasattr(candidates, "columns") or getattr(getattr(candidates, "dtype", None), "kind", "O") != "O":
        kind = type(candidates).__name__
        raise InvalidInputError(f"the candidates are a {kind}: they come first, then X, then y")
    if folds == 1:
        raise InvalidInputError("folds is 1: cross-validation needs 2 at least; leave it out for one split")
    with collecting_seldom():
        session = comparison_session(candidates, workers=check_workers(workers))
        session.begin_worker()
        # These load much, while the worker starts.
        from bakeoff.notebook.given_data import write_data
        from bakeoff.notebook.start_bakeoff import start_bakeoff

        data = write_data(
            X,
            y,
            folder=session.inputs,
            name=name,
            task=task,
            beside={"groups": groups, "time": time, "weights": weights},
        )
        run = start_bakeoff(
            session,
            candidates,
            data=data,
            beside=data.beside,
            folds=folds,
            repeats=repeats,
            seeds=seeds,
            metrics=metrics,
            test_size=test_size,
            seed=seed,
            save=save if session.is_temporary else save or "none",
            save_as=save_as,
            baseline=baseline,
            fresh=fresh,
            name=name,
            timeout=timeout,
            memory_mb=memory_mb,
            progress=progress,
            on_interrupt=on_interrupt,
            **options,
        )
    return run.wait() if wait else run
