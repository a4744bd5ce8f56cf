"""`bakeoff.compare` with a real worker, which all tests of this file share, as calls in one notebook do."""

import _thread
import doctest
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import polars as pl
import pytest
import yaml
from fixtures.projects.notebook_session import Session
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import bakeoff
from bakeoff.domain.errors import InvalidInputError, NotFoundError
from bakeoff.notebook import compare_call, open_projects
from bakeoff.notebook.project_folders import make_temporary_project
from bakeoff.notebook.results.bakeoff_result import BakeoffResult
from bakeoff.settings.configuration import load
from bakeoff.store.database import schema_version
from bakeoff.store.database.engine_and_transactions import open_database

CODE = '''
import numpy as np
SIGN = {sign}

class Rule:
    """Says 1 where the first column is positive."""

    def fit(self, X, y):
        print("fitting the rule")
        return self

    def predict(self, X):
        return (np.asarray(X)[:, 0] * SIGN > 0).astype(int)
'''
SHOWS = """
class Shows:
    def fit(self, X, y):
        print(*X.dtypes)
        self.common = y[0]

    def predict(self, X):
        return [self.common] * len(X)
"""
RANDOM = np.random.default_rng(0)
X = pd.DataFrame(RANDOM.normal(size=(800, 4)), columns=["a", "b", "c", "d"])
Y = pd.Series(((X.a > 0) ^ (RANDOM.random(800) < 0.1)).astype(int), name="answer")


@pytest.fixture(scope="module", autouse=True)
def _notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder and a cache of its own, of an earlier version; the worker ends with the tests."""
    before, cache = Path.cwd(), tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_CACHE_HOME", str(cache))
        os.chdir(tmp_path_factory.mktemp("notebooks"))
        earlier = load(make_temporary_project(Path.cwd(), workers=None), environment={})
        schema_version.upgrade(open_database(earlier.database_url), to="0012")
        yield cache
        for session in open_projects._open.values():
            session.close()
        open_projects._open.clear()
        os.chdir(before)


@pytest.fixture(scope="module")
def result(session: Session) -> BakeoffResult:
    return compare(session)


def compare(session: Session, sign: str = "1", **options: object) -> BakeoffResult:
    candidates = {
        "linear": make_pipeline(FunctionTransformer(np.tanh), StandardScaler(), LogisticRegression(C=0.5)),
        "tree": DecisionTreeClassifier(max_depth=2),
        "rule": session(CODE.format(sign=sign)).Rule,
        "broken": make_pipeline(StandardScaler(), LogisticRegression(C=-1.0)),
    }
    return bakeoff.compare(candidates, X, Y, progress=False, **options)


def test_a_temporary_project_follows_a_new_version_by_itself(result: BakeoffResult) -> None:
    engine = open_projects.temporary_session().context.engine
    assert schema_version.current(engine) == schema_version.HEAD


def test_the_leaderboard_is_a_frame_by_candidate(result: BakeoffResult) -> None:
    board = result.leaderboard

    assert set(board.index) == {"linear", "tree", "rule", "dummy"}
    assert board.index.name == "candidate"
    assert board.dtypes.astype(str)[["f1", "low", "high", "fit_s"]].unique().tolist() == ["float64"]
    assert ((board.low <= board.f1) & (board.f1 <= board.high)).all()
    assert board.f1.drop("dummy").is_monotonic_decreasing


def test_a_tuned_estimator_is_one_candidate_whose_trials_are_a_frame(result: BakeoffResult) -> None:
    pipeline = make_pipeline(StandardScaler(), DecisionTreeClassifier())
    depth = "decisiontreeclassifier__max_depth"
    tuned = bakeoff.tuned(pipeline, {depth: [1, 3]}, trials=3, folds=2)

    found = bakeoff.compare({"tuned": tuned}, X, Y, progress=False, baseline=False)

    trials = found.trials("tuned")
    assert list(found.leaderboard.index) == ["tuned"]
    assert trials.index.tolist() == [(1, 1), (1, 2), (1, 3)]
    assert set(trials[depth]) <= {1, 3}
    assert trials.best.sum() == 1
    with pytest.raises(NotFoundError, match="tree has searched no parameters"):
        result.trials("tree")


def test_the_verdict_is_a_sentence_with_its_figures_behind_it(result: BakeoffResult) -> None:
    assert str(result.verdict) == repr(result.verdict)
    assert result.verdict.details is not None
    assert result.verdict.details.sentence == result.verdict
    assert result.recommended in {"linear", "tree", "rule"}
    assert set(result.pairs.index.names) == {"a", "b"}
    assert len(result.pairs) == 3


def test_a_candidate_that_fails_says_why_and_harms_no_other(result: BakeoffResult) -> None:
    assert (result.state, list(result.errors)) == ("partial", ["broken"])
    error = result.errors["broken"]
    assert (error.state, error.phase, error.type) == ("failed", "fit", "InvalidParameterError")
    assert "broken: failed at fit: InvalidParameterError: The 'C' parameter" in repr(result.errors)


def test_what_a_candidate_printed_and_predicted_is_there(result: BakeoffResult) -> None:
    assert "fitting the rule" in result.log("rule")
    frame = result.predictions("rule")

    assert frame.predicted.tolist() == (X.loc[frame.index].a > 0).astype(int).tolist()
    assert frame.true.tolist() == Y.loc[frame.index].tolist()


def test_a_candidate_that_is_not_there_is_named_with_the_nearest(result: BakeoffResult) -> None:
    with pytest.raises(NotFoundError, match=r"no candidate 'three' with a result; did you mean 'tree'\?"):
        result.predictions("three")
    with pytest.raises(NotFoundError, match="broken has no result: failed at fit: InvalidParameterError"):
        result.compare("broken", "tree")


def test_two_candidates_are_compared_by_every_metric(result: BakeoffResult) -> None:
    compared = result.compare("linear", "tree")
    assert [one.name for one in compared.results] == ["linear", "tree"]
    assert set(compared.metrics) == {"f1", "precision", "recall", "accuracy"}


def test_it_prints_as_show_does(result: BakeoffResult) -> None:
    text = repr(result)
    assert str(result.verdict)[:40] in text
    assert ".errors['broken'].traceback" in text
    assert "bakeoff logs" not in text
    assert all(name in text for name in ("linear", "tree", "rule", "broken", "95 %"))


def test_a_pickled_result_keeps_what_it_shows(result: BakeoffResult) -> None:
    again = pickle.loads(pickle.dumps(result))

    assert repr(again) == repr(result)
    pd.testing.assert_frame_equal(again.leaderboard, result.leaderboard)
    assert again.predictions("rule").equals(result.predictions("rule"))


def test_the_second_time_is_free_and_a_changed_class_refits_itself_alone(
    result: BakeoffResult, session: Session
) -> None:
    again = compare(session)
    assert again.plan.action.drop("broken").unique().tolist() == ["reuse"]

    changed = compare(session, sign="-1")
    assert changed.plan.action.drop("broken").to_dict() == {
        "dummy": "reuse",
        "linear": "reuse",
        "tree": "reuse",
        "rule": "run",
    }
    assert changed.plan.why["rule"] == "changed: code, parameters"
    assert changed.leaderboard.f1["rule"] < result.leaderboard.f1["rule"]


def test_the_best_is_fitted_when_asked_for_and_found_the_next_time(
    result: BakeoffResult, capsys: pytest.CaptureFixture[str]
) -> None:
    best = result.best
    assert capsys.readouterr().err == ""  # the call said `progress=False`

    again = pickle.loads(pickle.dumps(result)).best

    assert best.candidate == result.recommended
    assert best.uri == again.uri
    frame = result.predictions(best.candidate)
    assert best.predict(X.loc[frame.index]).tolist() == frame.predicted.tolist()


def test_a_saved_class_of_the_notebook_predicts(session: Session) -> None:
    saved = bakeoff.compare(
        {"rule": session(CODE.format(sign="1")).Rule}, X, Y, save="best", save_as="rules", progress=False
    )
    assert saved.best.uri == "models:/rules/1.0.0"
    assert saved.best.predict(X).tolist() == (X.a > 0).astype(int).tolist()


def test_a_class_of_the_notebook_is_checked_before_anything_runs(session: Session) -> None:
    at_once = "def __init__(self): raise RuntimeError('no')\n\n    def fit("
    bad = session(CODE.format(sign="1").replace("def fit(", at_once)).Rule
    with pytest.raises(InvalidInputError, match=r"^Rule was rejected because .* with RuntimeError: no: mend"):
        bakeoff.compare([bad], X, Y)


SLOW = """
import time

class Slow:
    def fit(self, X, y):
        time.sleep(60)

    def predict(self, X):
        return [0] * len(X)
"""


def test_an_interrupt_cancels_the_run_and_a_second_one_shares_the_worker(
    session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    run = bakeoff.compare({"slow": session(SLOW).Slow}, X, Y, wait=False, progress=False)
    beside = bakeoff.compare({"tree": DecisionTreeClassifier(max_depth=3)}, X, Y, progress=False)
    assert (beside.state, run.done) == ("completed", False)

    Timer(0.3, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        run.wait()

    assert f"run {run.result().name} was cancelled" in capsys.readouterr().err
    assert run.wait().errors["slow"].state == "cancelled"


def test_a_detached_run_goes_on_after_an_interrupt(
    session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    short = session(SLOW.replace("60", "1")).Slow
    run = bakeoff.compare({"s": short}, X, Y, wait=False, progress=False, on_interrupt="detach")
    Timer(0.2, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        run.wait()

    assert "goes on: bakeoff.project(" in capsys.readouterr().err
    assert run.wait().state == "completed"


def test_results_come_one_by_one(session: Session) -> None:
    trees = [DecisionTreeClassifier(max_depth=depth) for depth in (4, 5)]
    outcomes = list(bakeoff.compare(trees, X, Y, wait=False, progress=False))

    assert {one.candidate for one in outcomes} == {
        "DecisionTreeClassifier.max_depth-4",
        "DecisionTreeClassifier.max_depth-5",
        "dummy",
    }
    assert all(one.state == "completed" and one.metrics["f1"] is not None for one in outcomes)


def test_runs_of_a_notebook_are_a_project_like_any_other(result: BakeoffResult) -> None:
    project = bakeoff.project(bakeoff.notebook_project().root)

    assert result.run_id in project.runs().index
    assert project.runs().name[result.run_id] == result.name
    assert repr(project.get_run(result.run_id[:8]).wait()) == repr(result)
    compared = project.compare("linear", "tree", run=result.run_id)
    assert compared.sentence == result.compare("linear", "tree").sentence


def test_groups_are_kept_together(result: BakeoffResult) -> None:
    groups = np.arange(len(X)) // 4
    grouped = bakeoff.compare(
        {"tree": DecisionTreeClassifier(max_depth=2)}, X, Y, groups=groups, progress=False
    )
    tested = set(grouped.predictions("tree").index)
    assert all(len({row in tested for row in range(4 * g, 4 * g + 4)}) == 1 for g in range(len(X) // 4))


def test_a_function_of_the_notebook_is_a_metric(session: Session) -> None:
    module = session(
        "def share(y_true, y_pred):\n    return float((y_true == y_pred).mean())\n"
        "def luck(y_true, y_pred):\n    raise RuntimeError('none today')\n"
    )
    found = bakeoff.compare(
        {"tree": DecisionTreeClassifier(max_depth=2)},
        X,
        Y,
        metrics=["accuracy", module.share, module.luck],
        progress=False,
    )
    assert found.leaderboard["share"].tolist() == found.leaderboard.accuracy.tolist()
    assert set(found.errors) == {"tree", "dummy"}
    assert "luck failed: RuntimeError: none today" in found.errors["tree"].message
    assert found.warnings["tree"] == tuple(found.errors["tree"].metrics.values())
    assert "no value for tree and dummy: " in repr(found)


def test_candidates_move_to_a_project_with_their_code(result: BakeoffResult, tmp_path: Path) -> None:
    entries = yaml.safe_load(result.export(tmp_path, "tree", "rule"))["models"]

    assert entries["tree"] == {"path": "sklearn.tree:DecisionTreeClassifier", "params": {"max_depth": 2}}
    module, _, name = entries["rule"]["path"].partition(":")
    text = (tmp_path / Path(*module.split(".")).with_suffix(".py")).read_text()
    assert f"class {name}" in text
    catalog = tmp_path / "config" / "models.yaml"
    assert yaml.safe_load(catalog.read_text())["models"] == entries
    catalog.write_text("mine")
    assert "tree" in result.export(tmp_path, "tree")
    assert catalog.read_text() == "mine"
    with pytest.raises(NotFoundError, match=r"no candidate 'ruel'; did you mean 'rule'\?"):
        result.export(tmp_path, "ruel")


def test_a_notebook_shows_it_as_a_page_without_script(result: BakeoffResult) -> None:
    page = result._repr_html_()
    assert all(name in page for name in ("linear", "tree", "rule", "broken"))
    assert "<script" not in page
    assert str(result.verdict)[:30] in page


def test_the_examples_in_the_docstring_are_true(result: BakeoffResult) -> None:
    assert doctest.testmod(compare_call) == doctest.TestResults(failed=0, attempted=7)


def test_plots_are_shown_and_saved(result: BakeoffResult, tmp_path: Path) -> None:
    again = pickle.loads(pickle.dumps(result))

    for plot in (result.plot.roc(), result.plot.pareto("fit"), again.plot.calibration("linear", "tree")):
        assert "<svg" in plot._repr_html_()
        assert "<script" not in plot._repr_html_()
    picture = ET.parse(result.plot.roc().save(tmp_path / "roc.svg")).getroot()
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    assert "tree" in "".join(picture.itertext())
    assert "linear" in result.plot.differences("tree").save(tmp_path / "differences.html").read_text()
    for plot in (result.plot.pairs(), result.plot.confusion("rule"), result.plot.leaderboard()):
        assert "<table" in plot._repr_html_()


def test_what_a_candidate_relies_on_is_a_frame_and_a_plot(result: BakeoffResult) -> None:
    tree = {"tree": DecisionTreeClassifier(max_depth=2)}
    measured = bakeoff.compare(tree, X, Y, importance=True, progress=False)

    assert measured.importance("tree").index[0] == "a"
    assert ">a<" in measured.plot.importance("tree")._repr_html_()
    with pytest.raises(NotFoundError, match=r"was not measured: give `importance=True`$"):
        result.importance("tree")


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda plot: plot.importance("tree"), "was not measured: give `importance=True`$"),
        (lambda plot: plot.trials("tree"), "no plot 'Trials of tree' .*: tree has searched no parameters"),
        (lambda plot: plot.roc("rule"), "no curves of 'rule'|no plot 'ROC curves' of this run"),
        (lambda plot: plot.residuals(), "no plot 'Residuals' of this run: no candidate predicts numbers"),
        (lambda plot: plot.confusion("broken"), "no candidate 'broken' with a result"),
        (lambda plot: plot.differences("dummy"), "nothing was compared with 'dummy'"),
        (lambda plot: plot.pairs().svg, "All pairs is a table and has no picture: save it as .html"),
        (lambda plot: plot.roc().save("roc.png"), r"roc.png ends in '.png': use .svg or .html"),
    ],
)
def test_a_plot_that_there_is_not_says_why(result: BakeoffResult, draw: object, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        draw(result.plot)


def test_the_report_is_one_file_or_markdown(result: BakeoffResult, tmp_path: Path) -> None:
    page = result.to_html(tmp_path / "report.html")

    assert (tmp_path / "report.html").read_text() == page
    assert page.startswith("<!doctype html>")
    assert str(result.verdict)[:30] in page
    assert result.to_markdown().startswith(f"## {result.name}")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"foldz": 3}, r"there is no option 'foldz'; did you mean 'folds'\?"),
        ({"cv": 3}, "there is no option 'cv': here it is folds"),
        ({"folds": 1}, "^folds is 1: cross-validation needs 2 at least; leave it out for one split"),
        ({"folds": 801}, "^folds is 801: "),
        (
            {"grid": {"tree": {"max_dept": [1]}}},
            r"^tree has no parameter 'max_dept'; did you",
        ),
        ({"folds": 1000}, "^folds is 1000: input should be less than or equal to 100"),
        ({"seeds": 99}, "^seeds is 99: input should be less than or equal to 50"),
        ({"test_size": 2.0}, "^test_size is 2.0: input should be less than 1"),
        ({"groups": [1, 2]}, "groups has 2 values, and X has 800 rows: give one for each row"),
        ({"task": "class"}, "task is 'class': give 'binary', 'multiclass' or 'regression', or nothing"),
        ({"metrics": 3}, r"3 is no metric: give names, or functions f\(y_true, y_pred\)"),
        ({"workers": 0}, "workers is 0: how many candidates are fitted at once, from 1 to 10"),
        ({"timeout": -1}, "timeout is -1: the seconds that one candidate may take, above 0"),
        ({"memory_mb": 2}, "memory_mb is 2: a whole number of megabytes, 16 at least"),
        ({"save_as": "m"}, "^save_as is 'm', and nothing is saved: add save"),
        ({"seal": 0.2, "folds": 3}, "say `seal=0`, or ask for one split"),
        ({"features": ["e"]}, "^there is no column 'e' in X; its columns: 'a', 'b'"),
        ({"on_interrupt": "stop"}, "on_interrupt is 'stop': give 'cancel' or 'detach'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_an_option_that_cannot_be_is_named_as_it_was_given(
    result: BakeoffResult, options: dict[str, object], message: str
) -> None:
    before = len(bakeoff.notebook_project().runs(limit=100))
    with pytest.raises(InvalidInputError, match=message):
        bakeoff.compare({"tree": DecisionTreeClassifier()}, X, Y, **options)
    assert len(bakeoff.notebook_project().runs(limit=100)) == before


@pytest.mark.parametrize(
    ("candidate", "y", "cure"),
    [
        (DecisionTreeClassifier(), Y.where(Y.index > 3), r"leave these rows out by `drop_unlabelled=True`$"),
        (
            LinearRegression(),
            Y.map(str),
            r'give a regressor; .* give `task="regression"`$|give `task="regression"`$',
        ),
    ],
    ids=["labels are missing", "another task"],
)
def test_a_cure_is_an_argument_and_no_entry_of_a_file(
    result: BakeoffResult, candidate: object, y: pd.Series, cure: str
) -> None:
    with pytest.raises(InvalidInputError, match=cure) as refused:
        bakeoff.compare(candidate, X, y)
    assert "--" not in str(refused.value)
    assert "entry" not in str(refused.value)


def test_where_there_is_no_project_that_is_said(result: BakeoffResult) -> None:
    with pytest.raises(NotFoundError, match=f"there is no project in {Path.cwd()} .* `bakeoff init`"):
        bakeoff.project()


def test_a_folder_without_a_project_is_named_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(
        NotFoundError, match=f"there is no project in {tmp_path}, .* `bakeoff init {tmp_path}`"
    ):
        bakeoff.project(tmp_path)


def test_seeds_and_folds_are_recipes(result: BakeoffResult) -> None:
    found = bakeoff.compare(
        {"tree": DecisionTreeClassifier(max_depth=2)}, X, Y, folds=3, seeds=3, progress=False
    )
    assert found.state == "completed"
    assert set(found.predictions("tree").index) == set(range(800))


def test_a_name_of_no_catalog_is_told_what_it_could_be(result: BakeoffResult) -> None:
    with pytest.raises(InvalidInputError, match=r"'ridge' .* there is no project in .*, or make a project"):
        bakeoff.compare(["ridge"], X, Y)
    with pytest.raises(InvalidInputError, match=r"path of its class such as 'sklearn.svm:SVC', or"):
        bakeoff.compare({"svc": "sklearn.svm.SVC"}, X, Y)


def test_frames_of_polars_are_compared_with_all_their_types(session: Session, result: BakeoffResult) -> None:
    frame = pl.DataFrame(X).with_columns(
        kind=pl.Series(["u", "v", None, "w"] * 200, dtype=pl.Categorical),
        word=pl.Series(["x", "y"] * 400),
        day=pl.date_range(pl.date(2024, 1, 1), pl.date(2026, 3, 10), eager=True),
        count=pl.Series([1, None] * 400, dtype=pl.Int16),
    )
    found = bakeoff.compare(
        {"tree": DecisionTreeClassifier(max_depth=2), "shows": session(SHOWS).Shows},
        frame,
        pl.Series("answer", ["no", "yes"]).gather(Y.to_list()),
        progress=False,
    )
    assert found.state == "completed", dict(found.errors)
    assert found.log("shows").split() == [
        *["float64"] * 4,
        *["category", "str", "datetime64[us]", "float64"],
    ]
    assert set(found.predictions("tree")["true"]) == {"no", "yes"}


def test_one_candidate_alone_is_said_to_beat_the_baseline(result: BakeoffResult) -> None:
    found = bakeoff.compare(DecisionTreeClassifier(max_depth=2), X, Y, progress=False)
    assert "is the only candidate with a score" in found.verdict
    assert "It beats dummy by about 0." in found.verdict


def test_weights_count_in_the_metrics(result: BakeoffResult) -> None:
    weights = np.where(X.a > 0, 10.0, 1.0)
    weighted = bakeoff.compare(
        {"tree": DecisionTreeClassifier(max_depth=2)},
        X,
        Y,
        weights=weights,
        metrics="accuracy",
        progress=False,
    )
    rows = weighted.predictions("tree")
    right = (rows.true == rows.predicted).astype(float)
    expected = float(np.average(right, weights=weights[rows.index]))
    assert weighted.leaderboard.accuracy["tree"] == pytest.approx(expected)


def test_a_file_is_read_where_it_is_with_the_options_of_a_file(result: BakeoffResult, tmp_path: Path) -> None:
    file = tmp_path / "answers.csv"
    X.assign(answer=Y, noise=1).to_csv(file, index=False, sep=";")
    found = bakeoff.compare(
        {"tree": DecisionTreeClassifier(max_depth=2)},
        file,
        "answer",
        separator=";",
        drop=["noise"],
        progress=False,
    )
    assert found.name.startswith("answers-")
    assert found.leaderboard.f1["tree"] == result.leaderboard.f1["tree"]
