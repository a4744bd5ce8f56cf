"""Candidates are checked in real cells; a catalog is what came of it."""

import logging
import os
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from fixtures.places import ROOT

from bakeoff.cell.confinement import landlock
from bakeoff.cell.oven.start_and_stop_oven import Oven
from bakeoff.domain.candidate import Candidate, CandidateKind, PipelineStep
from bakeoff.domain.errors import InfrastructureError, InvalidInputError, NotFoundError
from bakeoff.domain.signal import EnsembleRules, ModelConfig, Strategy
from bakeoff.settings.configuration import load as load_configuration
from registry.catalog import live_catalog as catalogs
from registry.catalog.live_catalog import Catalog
from registry.catalog.models_yaml_schema import CatalogError, read
from registry.catalog.try_out_candidates import discover

SHIPPED = ROOT / "config" / "models.yaml"
SIGNAL = """
class Mine:
    artefacts = ("momentum", "risk")

    def __init__(self, data, artefacts, horizon=20):
        pass

    def generate_signals(self, symbols, as_of):
        return []

    def explain(self, symbol):
        return {}
"""
UNFINISHED = """
from registry.interface import ModelPlugin

class Mine(ModelPlugin):
    def __init__(self, data, artefacts): ...
    def generate_signals(self, symbols, as_of): ...
"""
GOOD = "class Mine:\n    def fit(self, X, y): ...\n    def predict(self, X): return [0] * len(X)\n"


@pytest.fixture(scope="module")
def oven():
    with Oven.start(
        preload=["numpy", "sklearn.tree", "sklearn.ensemble", "registry.catalog.construct_candidates_in_cell"]
    ) as oven:
        yield oven.socket


@pytest.fixture
def root(tmp_path):
    (tmp_path / "plugs").mkdir()
    (tmp_path / "config").mkdir()
    return tmp_path


def plugin(root, name, source):
    (root / "plugs" / f"{name}.py").write_text(source)
    return Candidate(id=name, version="1", path=f"plugs/{name}.py:Mine")


def write_catalog(root, text):
    file = root / "config" / "models.yaml"
    file.write_text(text)
    return file


@pytest.fixture
def load(oven, root):
    def load(text, **sources):
        for name, source in sources.items():
            plugin(root, name, source)
        return Catalog.load(write_catalog(root, text), import_timeout_s=20, socket=oven)

    return load


def test_every_shipped_candidate_is_healthy():
    candidates = [c for c in read(SHIPPED).candidates if c.enabled]

    found = discover(candidates, root=ROOT, import_timeout_s=30)

    assert found.rejections == ()
    assert [c.id for c in found.healthy] == [c.id for c in candidates]
    assert {c.id: c.learns for c in found.healthy if "regression" in c.tags or "reference" in c.tags} == {
        "linear_regression": "numbers",
        "ridge_regression": "numbers",
        "knn_regression": "numbers",
        "random_forest_regression": "numbers",
        "hist_gradient_boosting_regression": "numbers",
        "svr": "numbers",
        "stub": None,
        "baseline": None,
    }
    assert [c.learns for c in found.healthy].count("classes") == 13


def test_nothing_is_started_for_no_candidates(tmp_path):
    assert discover([], root=tmp_path, import_timeout_s=1, socket=tmp_path / "nowhere") == ((), ())


def test_an_oven_that_is_gone_is_no_fault_of_the_candidates(root):
    with pytest.raises(InfrastructureError, match="no oven answers at"):
        discover([plugin(root, "good", GOOD)], root=root, import_timeout_s=5, socket=root / "nowhere")


def test_one_bad_candidate_never_stops_the_others(oven, root):
    candidates = [
        plugin(root, "good", GOOD),
        plugin(root, "raises", "import lightgbn\n" + GOOD),
        plugin(root, "exits", "raise SystemExit(3)"),
        plugin(root, "leaves", "import os\nos._exit(4)"),
        plugin(root, "crashes", "import ctypes\nctypes.string_at(0)"),
        plugin(
            root, "aborts", GOOD.replace("def fit", "def __init__(self): import os; os.abort()\n    def fit")
        ),
        plugin(root, "eats", "raise MemoryError"),
        plugin(root, "stops", "raise KeyboardInterrupt"),
        plugin(root, "empty", "class Mine: ..."),
        Candidate(id="tree", version="1.9", path="sklearn.tree:DecisionTreeClassifier"),
        Candidate(id="typo", version="1.9", path="sklearn.tree:DecisionTreeClassifer"),
        plugin(root, "also_good", GOOD),
    ]
    found = discover(candidates, root=root, import_timeout_s=30, socket=oven)

    assert [c.id for c in found.healthy] == ["good", "tree", "also_good"]
    assert {r.id: r.cause for r in found.rejections} == {
        "raises": "plugs/raises.py needs the module 'lightgbn', which is not there",
        "exits": "plugs/exits.py ended the process with exit code 3 at import",
        "leaves": "ended its process with exit code 4 at import",
        "crashes": "crashed with SIGSEGV at import",
        "aborts": "crashed with SIGABRT at construct",
        "eats": "ran out of memory at import",
        "stops": "raised KeyboardInterrupt at import",
        "empty": "plugs/empty.py:Mine has no method `fit`",
        "typo": "sklearn.tree has no class 'DecisionTreeClassifer'",
    }
    assert all(r.fix and r.version and r.path for r in found.rejections)


def test_a_token_is_masked_in_what_a_rejection_says(oven, root, monkeypatch):
    monkeypatch.setenv("HUB_TOKEN", "hf_0123456789abcdef")
    refused = """
import os

class Mine:
    def __init__(self):
        raise ValueError("refused: " + os.environ["HUB_TOKEN"])
"""
    [found] = discover(
        [replace(plugin(root, "talks", refused), env=("HUB_TOKEN",))],
        root=root,
        import_timeout_s=30,
        socket=oven,
    ).rejections

    assert "refused: ***" in found.cause
    assert "refused: ***" in found.traceback
    assert "hf_0123456789" not in f"{found}"


def test_what_the_cell_refuses_or_cannot_bear_has_a_cure_of_its_own(oven, root):
    forks = "import os\nif (child := os.fork()): os.waitpid(child, 0)\n" + GOOD
    kills = "import os, signal\nos.kill(os.getppid(), signal.SIGTERM)\n" + GOOD
    found = discover(
        [plugin(root, "forks", forks), plugin(root, "kills", kills)],
        root=root,
        import_timeout_s=30,
        socket=oven,
    )
    told = {rejection.id: (rejection.cause, rejection.fix) for rejection in found.rejections}

    cause, fix = told["forks"]
    assert "a child process that it forked returned from its code" in cause
    assert fix == "End what os.fork begins with os._exit, or use multiprocessing."
    if landlock.abi() >= landlock.SIGNALS_SINCE:
        cause, fix = told["kills"]
        assert cause.endswith("failed at import with PermissionError: [Errno 1] Operation not permitted")
        assert fix.startswith("A cell may signal or change only processes that it started")


def test_an_endless_import_is_ended_at_the_import_timeout(oven, root):
    endless = plugin(root, "endless", "print('still here', flush=True)\nwhile True: pass")
    began = time.monotonic()

    found = discover([endless, plugin(root, "good", GOOD)], root=root, import_timeout_s=1, socket=oven)

    assert [c.id for c in found.healthy] == ["good"]
    [rejection] = found.rejections
    assert rejection.cause == "took longer than importTimeout (1 s) at import"
    assert rejection.fix == "move slow work into fit, or raise importTimeout in config/bakeoff.yaml"
    assert "still here" in rejection.traceback
    assert time.monotonic() - began < 15


def test_endless_imports_wait_side_by_side(oven, root):
    endless = [plugin(root, f"endless{n}", "import time\ntime.sleep(60)") for n in range(4)]
    began = time.monotonic()

    found = discover([*endless, plugin(root, "good", GOOD)], root=root, import_timeout_s=3, socket=oven)

    assert len(found.rejections) == 4
    assert time.monotonic() - began < 2 * 3


def test_a_rejection_carries_the_traceback_from_the_strangers_code_on(oven, root):
    [rejection] = discover(
        [plugin(root, "bad", "def f():\n    1 / 0\nf()\n")], root=root, import_timeout_s=20, socket=oven
    ).rejections

    assert f'File "{root}/plugs/bad.py", line 2, in f' in rejection.traceback
    assert rejection.traceback.endswith("ZeroDivisionError: division by zero\n")
    assert "registry/" not in rejection.traceback


def test_strangers_code_runs_in_no_process_of_ours(oven, root, monkeypatch):
    spy = "import os, sys\nraise RuntimeError(f'{os.getpid()} {os.environ.get(\"SECRET_TOKEN\")}')"
    monkeypatch.setenv("SECRET_TOKEN", "hidden")
    before = dict(os.environ)

    [rejection] = discover([plugin(root, "spy", spy)], root=root, import_timeout_s=20, socket=oven).rejections

    pid, secret = rejection.cause.rpartition(": ")[2].split()
    assert int(pid) != os.getpid()
    assert secret == "None"
    assert "plugs.spy" not in sys.modules
    assert dict(os.environ) == before


def test_a_forged_answer_is_a_rejection_of_the_forger_alone(oven, root):
    forger = GOOD + (
        "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'{\"value\": [null, null, null]}\\n')\n"
        "    except OSError: pass\n"
    )
    found = discover(
        [plugin(root, "forger", forger), plugin(root, "good", GOOD)],
        root=root,
        import_timeout_s=20,
        socket=oven,
    )

    assert "good" in [c.id for c in found.healthy]


SABOTAGE = "import sklearn.tree\ndel sklearn.tree.DecisionTreeClassifier\n" + GOOD
TREE = Candidate(id="tree", version="1", steps=(PipelineStep(path="sklearn.tree:DecisionTreeClassifier"),))


def test_a_stranger_inside_an_estimator_of_scikit_learn_is_checked_alone(oven, root):
    plugin(root, "saboteur", SABOTAGE)
    nested = Candidate(
        id="nested",
        version="1",
        path="sklearn.ensemble:BaggingClassifier",
        params={"estimator": {"class": "plugs.saboteur:Mine"}},
    )

    found = discover([nested, TREE], root=root, import_timeout_s=30, socket=oven)

    assert [c.id for c in found.healthy] == ["nested", "tree"]


def test_a_file_named_like_a_library_is_checked_alone(oven, root):
    (root / "sklearn.py").write_text(SABOTAGE)
    file = Candidate(id="file", version="1", path="sklearn.py:Mine")

    found = discover([file, TREE], root=root, import_timeout_s=30, socket=oven)

    assert [c.id for c in found.healthy] == ["file", "tree"]


def test_whoever_fails_in_the_shared_cell_leaves_the_others_healthy(oven, root):
    odd = Candidate(
        id="odd", version="1", path="sklearn.tree:DecisionTreeClassifier", params={"max_depth": {"pairs": 3}}
    )
    found = discover([odd, TREE], root=root, import_timeout_s=30, socket=oven)

    assert [c.id for c in found.healthy] == ["tree"]
    assert found.rejections[0].cause.startswith("failed at import with TypeError: ")


def test_what_is_closed_cannot_be_read_while_candidates_are_checked(oven, root):
    for name in ("data/snapshots/sealed.txt", "rows.csv", "config/bakeoff.yaml", "open.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("secret")
    write_catalog(
        root,
        "models:\n"
        "  snapshots: {path: 'plugs.snapshots:Mine'}\n"
        "  rows: {path: 'plugs.rows:Mine'}\n"
        "  settings: {path: 'plugs.settings:Mine'}\n"
        "  open: {path: 'plugs.open:Mine'}\n"
        "  at_the_root: {path: 'at_the_root.py:Mine'}\n",
    )
    (root / "config" / "bakeoff.yaml").write_text(
        "datasets: {rows: {source: csv, path: rows.csv, target: y}}"
    )
    reads = "raise RuntimeError(open('{}/{}').read())"
    plugin(root, "snapshots", reads.format(root, "data/snapshots/sealed.txt"))
    plugin(root, "rows", reads.format(root, "rows.csv"))
    plugin(root, "settings", reads.format(root, "config/bakeoff.yaml"))
    plugin(root, "open", reads.format(root, "open.txt"))
    (root / "at_the_root.py").write_text(reads.format(root, "rows.csv"))
    configuration = load_configuration(root / "config", environment={})

    catalog = Catalog.of(configuration)

    errors = {r.id: r.cause.partition(" with ")[2].partition(":")[0] for r in catalog.rejected.values()}
    assert errors == {
        "snapshots": "PermissionError",
        "rows": "PermissionError",
        "settings": "PermissionError",
        "open": "RuntimeError",
        "at_the_root": "PermissionError",
    }


def test_what_a_candidate_learns_is_what_it_says_of_itself(oven, root):
    def said(name, more):
        return plugin(root, name, GOOD + more)

    def pipeline(name, last):
        steps = (PipelineStep(path="sklearn.preprocessing:StandardScaler"), PipelineStep(path=last))
        return Candidate(id=name, version="1", steps=steps)

    says = "    _estimator_type = {!r}\n"
    tags = "    def __sklearn_tags__(self): {}\n"
    candidates = [
        said("nothing", ""),
        said("classes", says.format("classifier")),
        said("numbers", says.format("regressor")),
        said("clusters", says.format("clusterer")),
        said("odd", says.format(["regressor"])),
        said("raises", tags.format("raise ValueError")),
        said("untagged", tags.format("return None") + says.format("regressor")),
        pipeline("tree", "sklearn.tree:DecisionTreeRegressor"),
        pipeline("mine", "plugs.classes:Mine"),
        Candidate(
            id="search",
            version="1",
            path="sklearn.model_selection:GridSearchCV",
            params={"estimator": {"class": "sklearn.svm:SVR"}, "param_grid": {}},
        ),
    ]
    found = discover(candidates, root=root, import_timeout_s=30, socket=oven)

    assert found.rejections == ()
    assert {c.id: c.learns for c in found.healthy} == {
        "nothing": None,
        "classes": "classes",
        "numbers": "numbers",
        "clusters": None,
        "odd": None,
        "raises": None,
        "untagged": "numbers",
        "tree": "numbers",
        "mine": "classes",
        "search": "numbers",
    }


def test_hidden_files_of_the_project_are_closed_to_a_candidate(oven, root):
    (root / ".env").write_text("TOKEN=abc")
    (root / "settings.txt").write_text("open")
    reads = "raise RuntimeError(open('{}/{}').read())"
    found = discover(
        [
            plugin(root, "opens", reads.format(root, "settings.txt")),
            plugin(root, "hidden", reads.format(root, ".env")),
        ],
        root=root,
        import_timeout_s=20,
        socket=oven,
    )

    causes = {r.id: r.cause for r in found.rejections}
    assert causes["opens"].endswith("RuntimeError: open")
    assert "PermissionError" in causes["hidden"]


def signal_model(root, name, source=SIGNAL, **params):
    plugin(root, name, source)
    return Candidate(
        id=name, version="1", kind=CandidateKind.SIGNAL, path=f"plugs/{name}.py:Mine", params=params
    )


def test_a_signal_model_is_looked_at_and_not_constructed(oven, root):
    raising = SIGNAL.replace("pass", "raise RuntimeError")
    signal = signal_model(root, "signal", raising, horizon=5, artefact_version="1.2.0")

    found = discover([signal], root=root, import_timeout_s=20, socket=oven)

    assert found.healthy == (replace(signal, artefacts=("momentum", "risk")),)


def test_a_signal_model_that_cannot_be_one_is_rejected_with_the_cure(oven, root):
    models = [
        signal_model(root, "mute", SIGNAL.replace("generate_signals", "generate")),
        signal_model(root, "silent", SIGNAL.replace("explain", "tell")),
        signal_model(root, "stiff", SIGNAL + "    generate_signals = 3\n"),
        signal_model(root, "bare", SIGNAL.replace("self, data, artefacts, ", "self, ")),
        signal_model(root, "texts", SIGNAL.replace('("momentum", "risk")', '"momentum"')),
        signal_model(root, "typo", SIGNAL, horizn=5),
        signal_model(root, "reuse", SIGNAL, data="mine"),
        signal_model(root, "unfinished", UNFINISHED),
        signal_model(root, "good", SIGNAL),
    ]

    found = discover(models, root=root, import_timeout_s=30, socket=oven)

    assert [model.id for model in found.healthy] == ["good"]
    assert {r.id: f"{r.cause}: {r.fix}" for r in found.rejections} == {
        "mute": "plugs/mute.py:Mine has no method `generate_signals`: "
        "add `def generate_signals(self, symbols, as_of)`, which returns ModelOutputs",
        "silent": "plugs/silent.py:Mine has no method `explain`: "
        "add `def explain(self, symbol)`, which returns a mapping, with `feature_importance`",
        "stiff": "the `generate_signals` of plugs/stiff.py:Mine is of type int, not a method: "
        "rename it, and give the class a method `generate_signals`",
        "bare": "the constructor of plugs/bare.py:Mine does not take data and artefacts: "
        "begin it with `def __init__(self, data, artefacts)`, and put those of the catalog behind them",
        "texts": "the `artefacts` of plugs/texts.py:Mine is of type str, not a tuple of texts: "
        'name saved models, `artefacts = ("momentum",)`, or leave it out',
        "typo": "plugs/typo.py:Mine has no parameter 'horizn': did you mean 'horizon'?",
        "reuse": "plugs/reuse.py:Mine has no parameter 'data': it takes horizon",
        "unfinished": "plugs/unfinished.py:Mine has no method `explain`: "
        "add `def explain(self, symbol)`, which returns a mapping, with `feature_importance`",
    }


def test_signal_models_stand_beside_candidates_with_what_their_voices_weigh(load, caplog):
    caplog.set_level(logging.INFO, "registry")

    catalog = load(
        """
models:
  tree: {path: "plugs.tree:Mine"}
  a: {kind: signal, path: "plugs.sig:Mine", version: v1.1, weight: 0.9}
  b: {kind: signal, path: "plugs.sig:Mine", version: v1.0, weight: 0.3}
  c: {kind: signal, path: "plugs.sig:Mine", enabled: false, weight: 0.0}
  d: {kind: signal, path: "plugs.sig:Theirs", weight: 0.3}
ensemble: {conflict_strategy: conservative}
""",
        tree=GOOD,
        sig=SIGNAL,
    )

    assert list(catalog.contents.signal_models) == ["a", "b"]
    assert catalog.get_model_config("a") == ModelConfig("a", "v1.1", 0.9)
    assert catalog.get_model_config("c") == ModelConfig("c", "1", 0.0)
    assert catalog.get_ensemble_config() == EnsembleRules(conflict_strategy=Strategy.CONSERVATIVE)
    assert catalog.get_ensemble_weights() == pytest.approx({"a": 0.75, "b": 0.25})
    assert catalog.validate_weights() == ("the weights of a, b add up to 1.2, not to 1: they are normalised",)
    assert "signal model a, version v1.1, is ready" in caplog.messages
    assert "the weights of a, b add up to 1.2, not to 1: they are normalised" in caplog.messages
    assert "the ensemble weighs a 0.75, b 0.25" in caplog.messages
    with pytest.raises(InvalidInputError, match="tree is a candidate for bake-offs, not a signal model"):
        catalog.get_model_config("tree")
    with pytest.raises(NotFoundError, match="there is no signal model 'z': there are a, b"):
        catalog.get_model_config("z")

    catalog.unregister("b")

    assert catalog.get_ensemble_weights() == {"a": 1.0}
    assert catalog.get_ensemble_config() == EnsembleRules(conflict_strategy=Strategy.CONSERVATIVE)


def test_what_is_left_of_the_signal_models_may_be_no_ensemble_and_the_candidates_stay(load, caplog):
    catalog = load(
        """
models:
  tree: {path: "plugs.tree:Mine"}
  a: {kind: signal, path: "plugs.sig:Mine", weight: 0}
  b: {kind: signal, path: "plugs.sig:Theirs"}
""",
        tree=GOOD,
        sig=SIGNAL,
    )

    assert list(catalog.candidates) == ["tree", "a"]
    assert catalog.contents.to_record()["ensemble"]["weights"] == {}
    assert "there can be no ensemble: the weights of a are all 0" in caplog.text
    with pytest.raises(InvalidInputError, match="the weights of a are all 0"):
        catalog.get_ensemble_weights()


def test_a_file_outside_the_root_can_be_checked(oven, root, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "alone.py"
    outside.write_text(GOOD)
    alone = Candidate(id="alone", version="1", path=f"{outside}:Mine")

    assert discover([alone], root=root, import_timeout_s=20, socket=oven).rejections == ()


def test_a_package_that_declares_an_entry_point_is_in_the_catalog(load, tmp_path, monkeypatch):
    site = tmp_path / "site"
    info = site / "zoo-3.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo\nVersion: 3.2\n")
    (info / "entry_points.txt").write_text(
        "[bakeoff.models]\nant = zoo:Mine\nbee = zoo:Mine\nbad name = zoo:Mine\nmissing = zoo:Yours\n"
    )
    (site / "zoo.py").write_text(GOOD)
    monkeypatch.syspath_prepend(str(site))

    catalog = load("models: {bee: {path: 'plugs.mine:Mine', enabled: false}}", mine=GOOD)

    assert {c.id: (c.path, c.version) for c in catalog.candidates.values()} == {"ant": ("zoo:Mine", "3.2")}
    assert catalog.disabled["bee"].path == "plugs.mine:Mine"
    assert catalog.rejected["missing"].cause == "zoo has no class 'Yours'"
    assert set(catalog.rejected) == {"missing", "bad name"}


def test_entry_points_can_be_added_by_themselves(oven, root, tmp_path, monkeypatch):
    catalog = Catalog(write_catalog(root, "models: {mine: {path: 'plugs.mine:Mine'}}"), socket=oven)
    plugin(root, "mine", GOOD)
    info = tmp_path / "site" / "zoo-3.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo\nVersion: 3.2\n")
    (info / "entry_points.txt").write_text("[bakeoff.models]\nant = zoo:Mine\nmine = zoo:Mine\n")
    (tmp_path / "site" / "zoo.py").write_text(GOOD)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))

    assert list(catalog.candidates) == []
    catalog.load_config()
    assert list(catalog.candidates) == ["mine"]
    assert catalog.auto_register_plugins() == ("ant",)
    assert [(c.id, c.path) for c in catalog.candidates.values()] == [
        ("mine", "plugs.mine:Mine"),
        ("ant", "zoo:Mine"),
    ]


CATALOG = """
models:
  good: {path: "plugs.good:Mine", version: "2.0"}
  bad: {path: "plugs.bad:Mine"}
  off: {path: "plugs.nowhere:Mine", enabled: false}
"""


def test_a_catalog_tells_the_healthy_the_disabled_and_the_rejected_apart(load, caplog):
    caplog.set_level(logging.INFO, "registry.catalog.live_catalog")

    catalog = load(CATALOG, good=GOOD, bad="1 / 0")

    assert (list(catalog.candidates), list(catalog.disabled), list(catalog.rejected)) == (
        ["good"],
        ["off"],
        ["bad"],
    )
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("INFO", "candidate good, version 2.0, is ready"),
        (
            "WARNING",
            (
                "candidate bad, version 1, was rejected: plugs.bad failed at import with "
                "ZeroDivisionError: division by zero: mend what the traceback shows"
            ),
        ),
    ]


def test_what_cannot_be_had_is_explained(load):
    catalog = load(CATALOG, good=GOOD, bad="1 / 0")

    assert catalog.get("good").version == "2.0"
    for candidate_id, why in {
        "goood": "there is no candidate 'goood' to run: did you mean 'good'?",
        "zzz": "there is no candidate 'zzz' to run: there are good",
        "off": "there is no candidate 'off' to run: it is disabled: set `enabled: true` in the catalog "
        "file, or add `--with off`",
        "bad": "there is no candidate 'bad' to run: bad was rejected because plugs.bad failed at import",
    }.items():
        with pytest.raises(NotFoundError) as caught:
            catalog.get(candidate_id)
        assert str(caught.value).startswith(why)


def test_register_and_unregister_change_the_process_and_not_the_file(load, root):
    catalog = load(CATALOG, good=GOOD, bad="1 / 0", more=GOOD)
    text = catalog.file.read_text()

    catalog.register(Candidate(id="more", version="1", path="plugs.more:Mine"))
    catalog.unregister("good")
    assert list(catalog.candidates) == ["more"]
    catalog.unregister("bad")
    catalog.unregister("off")
    assert (list(catalog.rejected), list(catalog.disabled)) == ([], [])

    assert catalog.file.read_text() == text
    catalog.reload()
    assert (list(catalog.candidates), list(catalog.rejected)) == (["good"], ["bad"])


def test_what_cannot_be_registered_is_refused_and_not_kept(load):
    catalog = load(CATALOG, good=GOOD, bad="1 / 0")

    with pytest.raises(InvalidInputError, match="worse was rejected because there is no module 'nowhere'"):
        catalog.register(Candidate(id="worse", version="1", path="nowhere.at:All"))
    with pytest.raises(InvalidInputError, match="the catalog has a 'off' already: unregister it first"):
        catalog.register(Candidate(id="off", version="1", path="plugs.good:Mine"))
    with pytest.raises(InvalidInputError, match="'a/b' is no id"):
        catalog.register(Candidate(id="a/b", version="1", path="plugs.good:Mine"))
    with pytest.raises(NotFoundError, match="the catalog has no 'goood': did you mean 'good'"):
        catalog.unregister("goood")
    assert (list(catalog.candidates), list(catalog.rejected)) == (["good"], ["bad"])


def test_reload_sees_what_was_mended_and_a_broken_file_changes_nothing(load, root):
    catalog = load(CATALOG, good=GOOD, bad="1 / 0")

    plugin(root, "bad", GOOD)
    catalog.reload()
    assert list(catalog.candidates) == ["good", "bad"]
    write_catalog(root, "models: [")
    with pytest.raises(CatalogError):
        catalog.reload()
    assert list(catalog.candidates) == ["good", "bad"]


def test_readers_see_one_shelf_or_the_next_while_it_is_reloaded(load):
    catalog = load(CATALOG, good=GOOD, bad="1 / 0")
    halves, done = [], threading.Event()

    def look():
        while not done.is_set():
            contents = catalog.contents
            if (list(contents.candidates), list(contents.rejected)) != (["good"], ["bad"]):
                halves.append(contents)

    reader = threading.Thread(target=look)
    reader.start()
    try:
        for _ in range(3):
            catalog.reload()
    finally:
        done.set()
        reader.join()

    assert halves == []


def test_the_catalog_of_the_process_is_loaded_once_for_all_threads(root, monkeypatch, caplog):
    monkeypatch.setattr(catalogs, "_process_wide", None)
    monkeypatch.chdir(root)
    caplog.set_level(logging.INFO, "registry.catalog.live_catalog")
    plugin(root, "good", GOOD)
    write_catalog(root, "models: {good: {path: 'plugs.good:Mine'}}")
    (root / "config" / "bakeoff.yaml").write_text("importTimeout: 25\n")
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(catalogs.shared())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(seen) == 4
    assert len({id(catalog) for catalog in seen}) == 1
    assert list(seen[0].candidates) == ["good"]
    assert seen[0]._import_timeout_s == 25
    assert [r.getMessage() for r in caplog.records] == ["candidate good, version 1, is ready"]


def test_a_missing_catalog_file_stops_the_start(tmp_path):
    with pytest.raises(CatalogError, match="there is no catalog file"):
        Catalog.load(tmp_path / "config" / "models.yaml")


def test_what_was_checked_leaves_nothing_behind(oven, root, monkeypatch):
    logs = root / "tmp"
    logs.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(logs))

    discover([plugin(root, "good", GOOD)], root=root, import_timeout_s=20, socket=oven)

    assert list(logs.iterdir()) == []
    assert Path(oven).exists()


def test_experimental_estimators_of_scikit_learn_need_no_module_that_enables_them(tmp_path, oven):
    tree = {"class": "sklearn.tree:DecisionTreeClassifier"}
    halving = Candidate(
        id="halving",
        version="1",
        path="sklearn.model_selection:HalvingGridSearchCV",
        params={"estimator": tree, "param_grid": {"max_depth": [1, 2]}},
    )
    filled = Candidate(
        id="filled",
        version="1",
        steps=(
            PipelineStep(path="sklearn.impute:IterativeImputer"),
            PipelineStep(path="sklearn.tree:DecisionTreeClassifier"),
        ),
    )

    found = discover([halving, filled], root=tmp_path, import_timeout_s=60, socket=oven)

    assert [one.cause for one in found.rejections] == []
