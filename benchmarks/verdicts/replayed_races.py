"""Races: what stopping candidates early saves, whom it costs, and whether the level holds.

The replays fit real candidates on thirty datasets, once, and then run the race on what they predicted out of
fold, in several orders of the folds. The truly best candidate is known where the data are drawn: fresh rows
tell. Elsewhere it is the one that leads after all folds.

For the level, equal candidates are drawn: whoever is stopped, or put out of the first place in the end, is so
by mistake. Some are only scores; some are recipes of scikit-learn that learn from features of equal worth,
so what the training rows add to the variance is in them.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bakeoff.evaluation.statistics.cross_validated_scores import out_of_fold
from bakeoff.evaluation.statistics.race_elimination import level_in_the_end, level_of_look, look
from bakeoff.evaluation.statistics.reach_verdict import JudgedCandidate, judge
from bakeoff.evaluation.statistics.sketches.metric_sketches import label_sketches, value_sketches
from bakeoff.evaluation.statistics.sketches.row_blocks import BlockMap, deal_rows
from bakeoff.evaluation.statistics.sketches.sketch import Sketch
from benchmarks.verdicts.rate_tables import Figure, Table, mean, share
from benchmarks.verdicts.simulated_scores import right_answers, stream, two_class_answers

_FOLDS = 5
_ORDERS = 10  #: of the folds, in which each bake-off is replayed
_FRESH_ROWS = 5000
_DRAWS = 2000  #: fewer than a run takes: a p-value near 0.01 has a standard deviation of 0.002

#: By candidate, its folds one after another.
Folds = Mapping[str, Sequence[Sketch]]


@dataclass(frozen=True, kw_only=True)
class Race:
    stopped_after: Mapping[str, int]  #: by candidate that was stopped, the folds that it had
    may_be_best: frozenset[str]  #: in the end

    def folds_of(self, candidate: str) -> int:
        return self.stopped_after.get(candidate, _FOLDS)


@dataclass(frozen=True, kw_only=True)
class BakeOff:
    """What candidates gave on one dataset, fold by fold."""

    folds: Folds
    seconds: Mapping[str, Sequence[float]]  #: processor time of each fold
    greater_is_better: bool
    best: str  #: truly


def race(folds: Folds, *, greater_is_better: bool, draws: int = _DRAWS) -> Race:
    """The looks of a race one after another, and the verdict on who is left."""
    stopped: dict[str, int] = {}
    left = dict(folds)
    for number in range(1, _FOLDS):
        found = look(
            {id_: its[:number] for id_, its in left.items()},
            of_repeat=_FOLDS,
            level=level_of_look(number, _FOLDS - 1),
            greater_is_better=greater_is_better,
            draws=draws,
        )
        stopped |= dict.fromkeys(found.stopped, number)
        left = {id_: its for id_, its in left.items() if id_ not in stopped}
    verdict = judge(
        [JudgedCandidate(id=id_, sketch=out_of_fold([its])) for id_, its in left.items()],
        metric="the metric",
        greater_is_better=greater_is_better,
        level=level_in_the_end(),
        draws=draws,
    )
    return Race(
        stopped_after=stopped,
        may_be_best=frozenset({verdict.best} - {None} or verdict.tied or left),
    )


def tables(runs: int, seed: int, only: str) -> Iterator[Table]:
    yield Table(
        title=f"Ten equal candidates in {_FOLDS} folds: races that claim something false, in %",
        figures=[
            figure for case in _equal_cases() if only in case.name for figure in _level(case, runs, seed)
        ],
    )
    replayed: dict[str, list[Figure]] = {
        name: [*_replayed(name, make, seed)] for name, make in _datasets().items() if only in name
    }
    yield Table(
        title=f"Replayed bake-offs, {_FOLDS} folds in {_ORDERS} orders, in %",
        figures=[*_all(replayed), *(figure for figures in replayed.values() for figure in figures)],
    )


@dataclass(frozen=True, kw_only=True)
class EqualRecipes:
    name: str
    draw: Callable[[Generator], Folds]
    of_runs: float = 1.0


def _equal_cases() -> list[EqualRecipes]:
    return [
        EqualRecipes(name="scores, n=1000, rho 0.6", draw=partial(_equal_scores, rows=1000, rho=0.6)),
        EqualRecipes(name="scores, n=200, rho 0.6", draw=partial(_equal_scores, rows=200, rho=0.6)),
        EqualRecipes(
            name="discriminants, n=200", draw=partial(_equal_recipes, rows=200, neighbours=None), of_runs=0.3
        ),
        EqualRecipes(
            name="1-neighbour, n=200", draw=partial(_equal_recipes, rows=200, neighbours=1), of_runs=0.3
        ),
    ]


def _level(case: EqualRecipes, runs: int, seed: int) -> Iterator[Figure]:
    chance = stream(seed, case.name)
    races = [race(case.draw(chance), greater_is_better=True) for _ in range(max(1, int(runs * case.of_runs)))]
    yield share(case.name, "stopped", [bool(one.stopped_after) for one in races])
    yield share(
        case.name,
        "in the end",
        [len(one.may_be_best) + len(one.stopped_after) < 10 for one in races],  # noqa: PLR2004 - there are ten
    )
    yield share(case.name, "any", [len(one.may_be_best) < 10 for one in races])  # noqa: PLR2004


def _equal_scores(chance: Generator, *, rows: int, rho: float) -> Folds:
    right = right_answers(chance, rows, rho, [0.85] * 10)
    true = chance.integers(0, 2, rows)
    block_map = deal_rows(rows)
    return {
        f"c{place}": [
            _accuracy(true[part], hits[part], block_map.fold(part))
            for part in np.array_split(np.arange(rows), _FOLDS)
        ]
        for place, hits in enumerate(right.T)
    }


def _accuracy(true: NDArray[Any], hits: NDArray[np.bool_], block_map: BlockMap) -> Sketch:
    answers = two_class_answers(true, np.where(hits, true, 1 - true))
    return label_sketches(["accuracy"], answers, block_map)["accuracy"]


def _equal_recipes(chance: Generator, *, rows: int, neighbours: int | None) -> Folds:
    """Each learns from two features of its own; all features are worth the same."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.neighbors import KNeighborsClassifier

    true = chance.permutation(np.arange(rows) % 2)
    features = chance.standard_normal((rows, 20)) + 0.8 * true[:, np.newaxis]
    parts = np.array_split(chance.permutation(rows), _FOLDS)
    block_map = deal_rows(rows)
    found: dict[str, list[Sketch]] = {}
    for place in range(10):
        own = features[:, 2 * place : 2 * place + 2]
        for part in parts:
            train = np.setdiff1d(np.arange(rows), part)
            model = KNeighborsClassifier(neighbours) if neighbours else LinearDiscriminantAnalysis()
            hits = model.fit(own[train], true[train]).predict(own[part]) == true[part]
            found.setdefault(f"c{place}", []).append(_accuracy(true[part], hits, block_map.fold(part)))
    return found


def _replayed(name: str, make: Callable[[int], BakeOff], seed: int) -> Iterator[Figure]:
    bake_off = make(seed)
    chance = stream(seed, name)
    every = sum(sum(its) for its in bake_off.seconds.values())
    saved, folds_saved, lost = [], [], []
    for _ in range(_ORDERS):
        order = chance.permutation(_FOLDS)
        done = race(
            {id_: [its[place] for place in order] for id_, its in bake_off.folds.items()},
            greater_is_better=bake_off.greater_is_better,
        )
        spent = sum(
            sum(its[place] for place in order[: done.folds_of(id_)]) for id_, its in bake_off.seconds.items()
        )
        saved.append(1 - spent / every)
        had = sum(done.folds_of(id_) for id_ in bake_off.folds)
        folds_saved.append(1 - had / (_FOLDS * len(bake_off.folds)))
        lost.append(bake_off.best in done.stopped_after)
    yield mean(name, "processor time saved", saved, scale=100)
    yield Figure(case=name, column="seconds", value=every, error=0.0, runs=0)
    yield mean(name, "fits saved", folds_saved, scale=100)
    yield share(name, "best one stopped", lost)


def _all(replayed: Mapping[str, Sequence[Figure]]) -> Iterator[Figure]:
    """The mean over the bake-offs, and its error by the bake-offs as units: the orders of one are alike."""
    by_column: dict[str, list[float]] = defaultdict(list)
    for figures in replayed.values():
        for figure in figures:
            if figure.column != "seconds":
                by_column[figure.column].append(figure.value / 100)
    seconds, saved = (
        np.array([one.value for figures in replayed.values() for one in figures if one.column == column])
        for column in ("seconds", "processor time saved")
    )
    of_all = float(saved @ seconds / max(seconds.sum(), 1e-9))
    yield Figure(case=f"all {len(replayed)}", column="of all seconds", value=of_all, error=0.0, runs=0)
    for column, values in by_column.items():
        add = share if column == "best one stopped" else partial(mean, scale=100)
        yield add(f"all {len(replayed)}", column, values)


def _datasets() -> dict[str, Callable[[int], BakeOff]]:
    """Thirty: five that come with scikit-learn, and those that are drawn, of other sizes and shapes."""
    from sklearn import datasets

    toys = {name: getattr(datasets, f"load_{name}") for name in ("breast_cancer", "digits", "iris", "wine")}
    makers: dict[str, Callable[[int], BakeOff]] = {
        name: partial(_on_toy, load, numbers=False) for name, load in toys.items()
    }
    makers["diabetes"] = partial(_on_toy, datasets.load_diabetes, numbers=True)
    for rows in (1000, 3000):
        for informative, apart in ((3, 0.7), (8, 1.0), (15, 1.3)):
            for flipped in (0.0, 0.1):
                drawn = partial(
                    datasets.make_classification,
                    n_features=20,
                    n_informative=informative,
                    n_redundant=2,
                    class_sep=apart,
                    flip_y=flipped,
                )
                name = f"{informative} of 20 features, {100 * flipped:.0f} % flipped, n={rows}"
                makers[name] = partial(_on_drawn, drawn, rows=rows, numbers=False)
    moons = partial(datasets.make_moons, noise=0.3)
    circles = partial(datasets.make_circles, noise=0.2, factor=0.5)
    for name, drawn in {"moons": moons, "circles": circles}.items():
        makers[f"{name}, n=2000"] = partial(_on_drawn, drawn, rows=3000, numbers=False)
    numbers = {
        "friedman1": partial(datasets.make_friedman1, noise=1.0),
        "friedman2": partial(datasets.make_friedman2, noise=1.0),
        "friedman3": partial(datasets.make_friedman3, noise=0.3),
        "a line": partial(datasets.make_regression, n_features=10, n_informative=8, noise=60.0),
    }
    for rows in (500, 1000, 3000):
        for name, drawn in numbers.items():
            makers[f"{name}, n={rows}"] = partial(_on_drawn, drawn, rows=rows, numbers=True)
    del makers["a line, n=500"]  # the thirty-first
    return makers


def _on_toy(load: Callable[..., Any], seed: int, *, numbers: bool) -> BakeOff:
    features, true = load(return_X_y=True)
    return _bake_off(features, true, None, seed, numbers=numbers)


def _on_drawn(draw: Callable[..., Any], seed: int, *, rows: int, numbers: bool) -> BakeOff:
    features, true = draw(n_samples=rows + _FRESH_ROWS, random_state=seed + rows)
    if numbers:
        true = (true - true.mean()) / true.std()
    fresh = features[rows:], true[rows:]
    return _bake_off(features[:rows], true[:rows], fresh, seed, numbers=numbers)


def _bake_off(features: NDArray[Any], true: NDArray[Any], fresh: Any, seed: int, *, numbers: bool) -> BakeOff:
    rows = len(true)
    parts = np.array_split(np.random.default_rng(seed).permutation(rows), _FOLDS)
    block_map = deal_rows(rows)
    folds: dict[str, list[Sketch]] = {}
    seconds: dict[str, list[float]] = {}
    truth = {}
    for name, make in _candidates(numbers=numbers).items():
        for part in parts:
            train = np.setdiff1d(np.arange(rows), part)
            began = time.process_time()
            predicted = make().fit(features[train], true[train]).predict(features[part])
            seconds.setdefault(name, []).append(time.process_time() - began)
            sketch = _sketched(true[part], predicted, block_map.fold(part), numbers=numbers)
            folds.setdefault(name, []).append(sketch)
        if fresh is not None:
            answers = make().fit(features, true).predict(fresh[0])
            truth[name] = -np.abs(answers - fresh[1]).mean() if numbers else (answers == fresh[1]).mean()
    sign = -1 if numbers else 1
    truth = truth or {name: sign * float(out_of_fold([its]).value or 0) for name, its in folds.items()}
    return BakeOff(
        folds=folds, seconds=seconds, greater_is_better=not numbers, best=max(truth, key=truth.__getitem__)
    )


def _sketched(true: NDArray[Any], predicted: NDArray[Any], block_map: BlockMap, *, numbers: bool) -> Sketch:
    if numbers:
        return value_sketches(["mae"], true, predicted, block_map)["mae"]
    hits = true == predicted
    return _accuracy(np.zeros(len(true), dtype=np.intp), hits, block_map)


def _candidates(*, numbers: bool) -> dict[str, Callable[[], Any]]:
    """Families of other kinds and costs with three settings each, as a bake-off with small grids has."""
    from sklearn import ensemble, linear_model, neighbors, svm, tree
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    kind = "Regressor" if numbers else "Classifier"

    def scaled(make: Callable[..., Any], **params: Any) -> Any:
        return make_pipeline(StandardScaler(), make(**params))

    linear: Callable[..., Any] = linear_model.Ridge if numbers else linear_model.LogisticRegression
    weights: Sequence[dict[str, Any]] = (
        [{"alpha": 1e4}, {"alpha": 100.0}, {"alpha": 1.0}]
        if numbers
        else [{"C": 1e-4}, {"C": 0.01}, {"C": 1.0}]
    )
    trees = [{"max_depth": 2}, {"max_depth": 5}, {"max_depth": None}]
    fixed = {"random_state": 0}
    families: dict[str, tuple[Callable[..., Any], Sequence[dict[str, Any]]]] = {
        "forest": (getattr(ensemble, f"RandomForest{kind}"), [{"n_estimators": 20} | one for one in trees]),
        "extra trees": (
            getattr(ensemble, f"ExtraTrees{kind}"),
            [{"n_estimators": 20} | one for one in trees],
        ),
        "boosting": (
            getattr(ensemble, f"GradientBoosting{kind}"),
            [{"n_estimators": 15, "learning_rate": rate} for rate in (0.01, 0.1, 1.0)],
        ),
        "tree": (getattr(tree, f"DecisionTree{kind}"), trees),
        "neighbours": (
            partial(scaled, getattr(neighbors, f"KNeighbors{kind}")),
            [{"n_neighbors": number} for number in (1, 15, 100)],
        ),
        "linear": (partial(scaled, linear), weights),
        "svm": (
            partial(scaled, svm.SVR if numbers else svm.SVC),
            [{"C": weight} for weight in (0.01, 1.0, 100.0)],
        ),
    }
    seeded = {"forest", "extra trees", "boosting", "tree"}
    return {
        f"{family} {place}": partial(make, **params, **(fixed if family in seeded else {}))
        for family, (make, settings) in families.items()
        for place, params in enumerate(settings)
    }
