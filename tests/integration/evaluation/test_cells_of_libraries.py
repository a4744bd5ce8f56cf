"""Candidates of installed libraries predict the same, bit for bit, in shared cells and apart."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fixtures.values.samples import a_candidate, a_job, a_run

from bakeoff.cell.host.cell_client import WarmParent, connect
from bakeoff.cell.host.cell_order import Order
from bakeoff.cell.host.cell_outcome import CellOutcome
from bakeoff.cell.oven.start_and_stop_oven import Oven
from bakeoff.domain.candidate import Candidate, PipelineStep
from bakeoff.domain.metric_names_and_scoring_rules import Average, ScoringRules
from bakeoff.domain.snapshot_reference_and_split_design import ONE_SPLIT, Design, Pinned
from bakeoff.evaluation.datasets.pin_cache import PinRequest
from bakeoff.evaluation.datasets.pin_snapshot import pin
from bakeoff.evaluation.jobs.cell_failure import Faulty
from bakeoff.evaluation.jobs.evaluation_job import Scored, evaluate_in_cell
from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import (
    EvaluationUnderWay,
    Grant,
    JobPaths,
    StopsNever,
)
from bakeoff.evaluation.reuse.used_files_unchanged import sha256
from bakeoff.settings.setting_definitions import DatasetSettings, Settings
from bakeoff.worker.worker_oven import preloaded

PACKAGES = tuple(Settings().shared_cells)
TREE = "sklearn.tree:DecisionTreeClassifier"
FOLDS = 2

CANDIDATES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "dummy": ("sklearn.dummy:DummyClassifier", {"strategy": "stratified"}),
    "tree": (TREE, {"max_features": 3}),
    "forest": ("sklearn.ensemble:RandomForestClassifier", {"n_estimators": 5}),
    "nested": ("sklearn.ensemble:BaggingClassifier", {"estimator": {"class": TREE}, "n_estimators": 3}),
    "boosting": ("sklearn.ensemble:HistGradientBoostingClassifier", {"max_iter": 5}),
    "logistic": ("sklearn.linear_model:LogisticRegression", {"max_iter": 5}),  # it warns that this is too few
    "sgd": ("sklearn.linear_model:SGDClassifier", {}),
    "mlp": ("sklearn.neural_network:MLPClassifier", {"hidden_layer_sizes": [4], "max_iter": 5}),
    "svc": ("sklearn.svm:SVC", {"probability": False}),
    "nearest": ("sklearn.neighbors:KNeighborsClassifier", {}),
    "bayes": ("sklearn.naive_bayes:GaussianNB", {}),
    "light": ("lightgbm:LGBMClassifier", {"n_estimators": 5, "verbose": -1}),
    "extreme": ("xgboost:XGBClassifier", {"n_estimators": 5}),
}


@pytest.fixture(scope="module")
def pinned(tmp_path_factory: pytest.TempPathFactory) -> Pinned:
    return _pinned(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def in_folds(tmp_path_factory: pytest.TempPathFactory) -> Pinned:
    return _pinned(tmp_path_factory.mktemp("folds"), Design(folds=FOLDS))


def _pinned(folder: Path, design: Design = ONE_SPLIT) -> Pinned:
    return pin(
        PinRequest(
            dataset=DatasetSettings(source="sklearn", name="breast_cancer"),
            name="breast_cancer",
            root=folder,
            snapshots=folder / "snapshots",
            seed=0,
            test_size=0.25,
            design=design,
        )
    )


@pytest.fixture(scope="module")
def oven() -> Iterator[Oven]:
    with Oven.start(preload=preloaded(Settings(preload=["sklearn", "xgboost"]))) as oven:
        yield oven


@pytest.fixture(scope="module")
def parents(oven: Oven) -> Iterator[list[WarmParent]]:
    with ExitStack() as stack:
        yield [stack.enter_context(connect(oven.socket, timeout_s=60)) for _ in range(3)]


class Watched(StopsNever):
    """Keeps what the warm parent returned."""

    def __init__(self, parent: WarmParent) -> None:
        self._parent = parent
        self.outcomes: list[CellOutcome] = []
        self.shared: set[bool] = set()  #: whether its orders might share a cell

    def run(self, order: Order, **named: Any) -> CellOutcome:
        self.shared.add(order.shared)
        self.outcomes.append(self._parent.run(order, **named))
        return self.outcomes[-1]


Bake = Callable[..., tuple[dict[str, dict[str, str]], list[CellOutcome]]]


@pytest.fixture
def bake(pinned: Pinned, in_folds: Pinned, parents: list[WarmParent], tmp_path: Path) -> Bake:
    """Digests of all that each fit wrote, and the outcomes in order."""

    def bake(
        names: Sequence[str],
        *,
        folds: int = 0,
        slots: int = 1,
        packages: tuple[str, ...] = PACKAGES,
        **run: Any,
    ) -> tuple[dict[str, dict[str, str]], list[CellOutcome]]:
        rules = ScoringRules(metrics=("accuracy",), average=Average.BINARY, positive_label="1")
        data = in_folds if folds else pinned
        bakeoff = a_run(dataset=data.ref, rules=rules, **run)
        watched = [Watched(parent) for parent in parents[:slots]]
        digests = {}
        fits = [(name, fold) for name in names for fold in (range(folds) if folds else [None])]
        for place, (name, fold) in enumerate(fits):
            title = name if fold is None else f"{name}, fold {fold}"
            paths = JobPaths(
                root=tmp_path,
                closed=(),
                snapshot=data.folder,
                log=tmp_path / f"{title}.log",
                predictions=tmp_path / f"{title}.npy",
            )
            for file in tmp_path.glob(f"{title}.*"):
                file.unlink()
            end = evaluate_in_cell(
                EvaluationUnderWay(
                    job=a_job(bakeoff, candidate=a_library_candidate(name)),
                    run=bakeoff,
                    paths=paths,
                    grant=Grant(threads=1, memory_mb=None),
                    permission=StopsNever(),
                    shared_cells=packages,
                    fold=fold,
                    is_part=fold is not None,
                ),
                watched[place % slots],  # type: ignore[arg-type]  # it runs orders as one does
            )
            assert isinstance(end, Scored), (title, end)
            written = {output: sha256(file) for output, file in paths.outputs.items() if file.exists()}
            digests[title] = {**written, "uses seed": str(end.uses_seed)}
        shared = bool(packages) and not bakeoff.repeat_check
        assert all(one.shared == {shared} for one in watched)
        return digests, [outcome for one in watched for outcome in one.outcomes]

    return bake


def a_library_candidate(name: str) -> Candidate:
    path, params = CANDIDATES[name]
    if name == "nearest":
        scaler = PipelineStep(path="sklearn.preprocessing:StandardScaler")
        return a_candidate(id=name, path=None, steps=(scaler, PipelineStep(path=path, params=params)))
    return a_candidate(id=name, path=path, params=params)


def test_shared_and_apart_in_any_order_and_in_any_number_of_slots(bake: Bake) -> None:
    names = list(CANDIDATES)
    apart, alone = bake(names, packages=())

    assert all("predictions" in written for written in apart.values())
    assert not any(outcome.left for outcome in alone)
    for slots, order in ((1, names), (2, names[::-1]), (3, [*names[5:], *names[:5]])):
        shared, _ = bake(order, slots=slots)
        for name in names:
            # What a picture needs beside the predictions is left out by a candidate that was slow this time.
            both = apart[name].keys() & shared[name].keys()
            assert {"predictions", "uses seed"} <= both
            assert [shared[name][output] for output in both] == [apart[name][output] for output in both], name


def test_folds_share_cells_and_predict_what_they_do_apart(bake: Bake) -> None:
    names = [name for name in CANDIDATES if name != "light"]
    apart, _ = bake(names, folds=FOLDS, packages=())
    shared, outcomes = bake(names, folds=FOLDS)

    # An allocator may keep more than a cell may grow by.
    left = [one for outcome in outcomes for one in outcome.left]
    assert [one for one in left if " grew by " not in one] == []
    assert len(left) <= len(names)
    assert {fit: written["predictions"] for fit, written in shared.items()} == {
        fit: written["predictions"] for fit, written in apart.items()
    }


def test_what_is_preloaded_leaves_nothing_and_what_is_imported_ends_its_cell(bake: Bake) -> None:
    names = [name for name in CANDIDATES if name != "light"]
    _, outcomes = bake([*names, "light"])

    # As above: seen of the nearest neighbours, in one of six runs.
    left = [one for outcome in outcomes[:-1] for one in outcome.left]
    assert [one for one in left if " grew by " not in one] == []
    assert len(left) <= 1
    assert "lightgbm" in " ".join(outcomes[-1].left)


def test_a_warning_is_in_the_log_of_each_job_and_not_of_the_first_alone(bake: Bake) -> None:
    (_, first), (_, second) = bake(["logistic"]), bake(["logistic"])

    assert "ConvergenceWarning" in first[0].log_tail
    assert "ConvergenceWarning" in second[0].log_tail


def test_fits_that_are_repeated_to_compare_them_have_cells_of_their_own(bake: Bake) -> None:
    _, outcomes = bake(["light"], repeat_check=True)

    assert [outcome.left for outcome in outcomes] == [(), ()]


def test_a_fold_whose_files_are_gone_is_a_damaged_snapshot(parents: list[WarmParent], tmp_path: Path) -> None:
    data = _pinned(tmp_path, Design(folds=FOLDS))
    (data.folder / "fold-001" / "y_train.npy").unlink()
    run = a_run(dataset=data.ref)
    evaluation = EvaluationUnderWay(
        job=a_job(run, candidate=a_library_candidate("bayes")),
        run=run,
        paths=JobPaths(
            root=tmp_path,
            closed=(),
            snapshot=data.folder,
            log=tmp_path / "log",
            predictions=tmp_path / "p.npy",
        ),
        grant=Grant(threads=1, memory_mb=None),
        permission=StopsNever(),
        fold=1,
        is_part=True,
    )

    end = evaluate_in_cell(evaluation, parents[0])

    assert isinstance(end, Faulty)
    assert "is damaged" in end.error.message
    assert "y_train.npy" in end.error.message
