"""The options of `bakeoff.compare` and `Project.run`, for type checkers and editors."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypedDict

Metrics = str | Callable[..., float] | Sequence[str | Callable[..., float]] | None
Save = Literal["best", "all", "none"] | bool | None
OnInterrupt = Literal["cancel", "detach"]
Task = Literal["binary", "multiclass", "regression"]


class RunOptions(TypedDict, total=False):
    """The options that both have. Those without a comment mean what `bakeoff run --help` says of them."""

    grid: dict[str, dict[str, list[Any]]] | None
    tune: dict[str, dict[str, Any]] | None
    metrics: Metrics
    folds: int | None
    repeats: int | None
    seeds: int | None
    groups: Any
    time: Any
    weights: Any
    stratify: bool | None
    gap: int | None
    fold_column: str | None
    test_size: float | None
    seed: int | None
    task: Task | None
    features: list[str] | None  #: of a file, as the next five
    drop: list[str] | None
    dtypes: Any
    separator: str | None
    encoding: str | None
    drop_unlabelled: bool | None
    positive_label: str | float | bool | None
    threshold: float | Literal["tuned"] | None
    costs: dict[str, float] | None
    average: Literal["binary", "macro", "micro", "weighted"] | None
    zero_division: float | None
    seal: float | None
    strict: bool | None
    race: bool
    spread: bool
    shuffle_check: bool
    timeout: float | None  #: seconds
    memory_mb: int | None
    save: Save
    save_as: str | None
    refit: bool
    baseline: bool
    fresh: bool
    repeat_check: bool
    importance: bool
    priority: int
    name: str | None
    progress: bool | None
    on_interrupt: OnInterrupt


class CompareOptions(RunOptions, total=False):
    workers: int | None


class ProjectOptions(RunOptions, total=False):
    models: Any
