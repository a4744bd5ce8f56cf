import re

import pytest
from fixtures.places import ROOT

from bakeoff.domain.candidate import Candidate, CandidateKind, OutputKind, PipelineStep, Preprocess
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.signal import EnsembleRules, Strategy
from registry.catalog.models_yaml_schema import CatalogError, read

SHIPPED = ROOT / "config" / "models.yaml"


@pytest.fixture
def written(tmp_path):
    def write(text):
        file = tmp_path / "models.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def problems(file):
    with pytest.raises(CatalogError) as caught:
        read(file)
    return [line.removeprefix(f"{file}, ") for line in str(caught.value).splitlines()]


def test_every_key_reaches_the_candidate(written):
    file = written(
        """
models:
  full:
    kind: signal
    path: models/mine.py:Mine
    version: 2.10
    params: {depth: 3, nested: {class: "a.b:C", params: {x: [1, null]}}}
    description: A model
    enabled: false
    weight: 0.5
    tags: [fast, on]
    timeout: 90
    memory_limit_mb: 512
    threads: 2
  piped:
    version: "1"
    preprocess: none
    output_kind: score
    features: [a, b]
    steps:
      - path: a.b:Scale
      - {path: a.b:Model, params: {k: 1e-3}}
ensemble: {conflict_strategy: conservative, min_agreement: 0.75, min_confidence: 1, flag_conflicts: false}
"""
    )

    assert read(file).candidates == (
        Candidate(
            id="full",
            kind=CandidateKind.SIGNAL,
            path="models/mine.py:Mine",
            version="2.10",
            params={"depth": 3, "nested": {"class": "a.b:C", "params": {"x": [1, None]}}},
            description="A model",
            enabled=False,
            weight=0.5,
            tags=("fast", "on"),
            timeout_s=90,
            memory_limit_mb=512,
            threads=2,
        ),
        Candidate(
            id="piped",
            version="1",
            preprocess=Preprocess.NONE,
            output_kind=OutputKind.SCORE,
            features=("a", "b"),
            steps=(PipelineStep(path="a.b:Scale"), PipelineStep(path="a.b:Model", params={"k": 0.001})),
        ),
    )
    assert read(file).ensemble == EnsembleRules(
        conflict_strategy=Strategy.CONSERVATIVE, min_agreement=0.75, min_confidence=1, flag_conflicts=False
    )


def test_what_is_read_survives_json(written):
    import json

    text = "models: {a: {path: 'm:C', version: 1, params: {class_weight: {0: 1.0, 1: 5.0}, names: {no: 1}}}}"
    [candidate] = read(written(text)).candidates

    assert candidate.params["class_weight"] == {"pairs": [[0, 1.0], [1, 5.0]]}
    assert candidate.params["names"] == {"pairs": [[False, 1]]}
    assert Candidate.from_json(json.loads(json.dumps(candidate.to_json()))) == candidate


@pytest.mark.parametrize("text", ["models:", "models: {}", "models:\nensemble:"])
def test_a_catalog_may_be_empty(written, text):
    assert read(written(text)).candidates == ()


def test_ids_are_what_was_written_not_what_yaml_makes_of_it(written):
    text = "models:\n  1.10: {path: 'm:C'}\n  no: {path: 'm:C'}\n  2026-01-01: {path: 'm:C'}"

    assert [c.id for c in read(written(text)).candidates] == ["1.10", "no", "2026-01-01"]


def test_the_version_of_a_library_class_is_that_of_its_distribution(written):
    import sklearn

    text = """
models:
  tree: {path: "sklearn.tree:DecisionTreeClassifier"}
  piped: {steps: [{path: "mine.scale:Scale"}, {path: "sklearn.svm:SVC"}]}
"""

    assert [c.version for c in read(written(text)).candidates] == [sklearn.__version__, sklearn.__version__]


@pytest.mark.parametrize(
    "path",
    ["models.mine:Mine", "models/sklearn.py:Mine", "sklearn.py:Mine", "nowhere.at.all:Mine", "json:Mine"],
)
def test_the_version_of_a_class_of_ones_own_is_1(written, path):
    [candidate] = read(written(f"models: {{mine: {{path: '{path}'}}}}")).candidates

    assert candidate.version == "1"


def test_the_version_of_a_distribution_that_shares_its_folder_is_not_that_of_ones_own(
    written, tmp_path, monkeypatch
):
    info = tmp_path / "shares-9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shares\nVersion: 9.9\n")
    (info / "top_level.txt").write_text("shared_folder\n")
    (tmp_path / "shared_folder").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))

    [candidate] = read(written("models: {mine: {path: 'shared_folder.mine:Mine'}}")).candidates

    assert candidate.version == "1"


@pytest.mark.parametrize(
    "entry", ["kind: signal, enabled: false, weight: 0", "memory_limit_mb: 16", "threads: 1"]
)
def test_the_smallest_values_are_allowed(written, entry):
    assert len(read(written(f"models: {{m: {{path: 'm:C', {entry}}}}}")).candidates) == 1


@pytest.mark.parametrize("text", ["models: {}", "models: {}\nensemble:", "models: {}\nensemble: {}"])
def test_an_ensemble_of_which_nothing_is_said_has_the_rules_that_are_shipped(written, text):
    assert read(written(text)).ensemble == EnsembleRules(
        conflict_strategy=Strategy.WEIGHTED_MAJORITY,
        min_agreement=0.5,
        min_confidence=0.6,
        flag_conflicts=True,
    )


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (
            "conflict_stratgy: conservative",
            "ensemble has the unknown key 'conflict_stratgy': did you mean 'conflict_strategy'?",
        ),
        (
            "conflict_strategy: majority",
            "ensemble.conflict_strategy is the text 'majority': did you mean 'weighted_majority'?",
        ),
        (
            "conflict_strategy: 1",
            "ensemble.conflict_strategy is the number '1': write weighted_majority or",
        ),
        (
            "min_agreement: 1.01",
            "ensemble.min_agreement is the number '1.01': write a number of at least 0 and at most 1",
        ),
        (
            "min_confidence: -0.1",
            "ensemble.min_confidence is the number '-0.1': write a number of at least 0 and at most 1",
        ),
        (
            "min_confidence: high",
            "ensemble.min_confidence is the text 'high': write a number of at least 0 and at most 1",
        ),
        ("flag_conflicts: 1", "ensemble.flag_conflicts is the number '1': write true or false"),
    ],
)
def test_a_bad_rule_of_the_ensemble_is_named_with_its_line_and_what_is_right(written, entry, problem):
    [found] = problems(written(f"models: {{}}\nensemble:\n  {entry}\n"))

    assert found.startswith(f"line 3: {problem}")


def test_signal_models_that_all_weigh_nothing_are_refused(written):
    text = """
models:
  a: {kind: signal, path: "m:A", weight: 0}
  b: {kind: signal, path: "m:B", weight: 0.0}
  c: {kind: signal, path: "m:C", weight: 1, enabled: false}
"""

    assert problems(written(text)) == [
        "line 3: the weights of a, b are all 0: give one of them a weight above 0, or disable them"
    ]


def test_an_anchor_and_a_merge_share_keys(written):
    text = """
models:
  a: &base
    path: m:C
    tags: [x]
  b:
    <<: *base
    tags: [y]
"""
    a, b = read(written(text)).candidates

    assert (a.path, a.tags, b.path, b.tags) == ("m:C", ("x",), "m:C", ("y",))


def test_params_that_are_shared_by_an_anchor_are_checked_once_for_twins(written):
    text = """
models:
  a: {path: "m:C", params: &shared {<<: {k: 1}, k: 2}}
  b: {path: "m:C", params: *shared}
"""

    assert [c.params for c in read(written(text)).candidates] == [{"k": 2}, {"k": 2}]


@pytest.mark.parametrize(
    ("entry", "key", "kind"),
    [
        ("weight: 0.5", "weight", "candidate"),
        ("kind: signal, preprocess: none", "preprocess", "signal"),
        ("kind: signal, output_kind: score", "output_kind", "signal"),
        ("confidence: sureness", "confidence", "candidate"),
        ("performance: [a]", "performance", "candidate"),
    ],
)
def test_a_key_that_does_not_concern_its_kind_is_ignored_with_a_remark(written, entry, key, kind):
    file = written(f"models:\n  n: {{path: 'm:C'}}\n  m: {{path: 'm:C', {entry}}}\n")
    plain = f"kind: {kind}" if kind == "signal" else "enabled: true"
    found = read(file)

    assert found.remarks == (
        f"{file}, line 3: models.m.{key} is ignored: it means nothing for `kind: {kind}`",
    )
    assert found.candidates[1] == read(written(f"models: {{m: {{path: 'm:C', {plain}}}}}")).candidates[0]


def test_a_catalog_loads_as_the_authors_of_signal_models_write_it(written):
    found = read(
        written(
            """
models:
  model_a:
    kind: signal
    path: models.model_a:ModelAPlugin
    version: v1.1
    weight: 0.6
    features: [return_12_1, volatility_30]
    performance: [{auc: 0.61, window: 2019-2024}, Sharpe 1.2]
  chartist: {kind: signal, path: 'm:C', weight: 0.4, confidence: sureness, performance: {auc: 0.6}}
ensemble:
  conflict_strategy: weighted_majority
  min_agreement: 0.5
  min_confidence: 0.6
  flag_conflicts: true
"""
        )
    )

    assert found.remarks == ()
    assert found.ensemble.conflict_strategy is Strategy.WEIGHTED_MAJORITY
    assert [(one.id, one.confidence, one.features) for one in found.candidates] == [
        ("model_a", "probability", None),
        ("chartist", "sureness", None),
    ]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("performance: good", "write a list, [{auc: 0.61}], or a mapping, {auc: 0.61}"),
        ("confidence: sure", "did you mean 'sureness'?"),
    ],
)
def test_what_an_author_says_of_a_signal_model_has_a_form(written, said, problem):
    with pytest.raises(CatalogError, match=re.escape(problem)):
        read(written(f"models: {{m: {{kind: signal, path: 'm:C', {said}}}}}"))


def test_an_ignored_key_is_still_checked(written):
    assert problems(written("models:\n  m: {path: 'm:C', weight: -1}\n")) == [
        "line 2: models.m.weight is the number '-1': write a number of at least 0"
    ]


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("parms: {}", "models.m has the unknown key 'parms': did you mean 'params'?"),
        ("zzz: 1", "models.m has the unknown key 'zzz': there are kind, path, version, params, steps,"),
        ("kind: candidat", "models.m.kind is the text 'candidat': did you mean 'candidate'?"),
        ("kind: 7", "models.m.kind is the number '7': write candidate or signal"),
        ("path: sklearn.tree", "models.m.path is the text 'sklearn.tree': write `package.module:Class`"),
        ("path: 'a.py'", "models.m.path is the text 'a.py': write `package.module:Class`"),
        ("path: 'os; rm:C'", "models.m.path is the text 'os; rm:C': write `package.module:Class`"),
        ("path: [a]", "models.m.path is a list: give it a text"),
        ("version: ''", "models.m.version is the text '': give it a text"),
        ("version:", "models.m.version is empty: give it a text"),
        ("params: 3", "models.m.params is the number '3': write a mapping, {name: value}"),
        ("params: {a b: 1}", "models.m.params is a mapping: its keys are the parameters of the constructor"),
        (
            "params: {since: 2020-01-01}",
            "models.m.params.since is the date '2020-01-01': for text, write it in",
        ),
        ("params: {x: [.nan]}", "models.m.params.x[0] is .nan, which JSON cannot store"),
        ("params: {x: !!binary aGk=}", "models.m.params.x is of type binary: for text, write it in quotes"),
        ("params: {x: !!set {a}}", "models.m.params.x is of type set: for text"),
        (
            "params: {x: !!python/name:os.system ''}",
            "models.m.params.x is of type python/name:os.system: for text",
        ),
        ("params: {x: !mine 3}", "models.m.params.x is of type !mine: for"),
        ("params: {x: &x [*x]}", "models.m.params.x[0] contains itself"),
        ("preprocess: never", "models.m.preprocess is the text 'never': write auto or none"),
        ("output_kind: label", "models.m.output_kind is the text 'label': did you mean 'labels'?"),
        ("description: [a]", "models.m.description is a list: give it a text"),
        ("enabled: 1", "models.m.enabled is the number '1': write true or false"),
        ("enabled: maybe", "models.m.enabled is the text 'maybe': write true or false"),
        ("{kind: signal, weight: -1}", "models.m.weight is the number '-1': write a number of at least 0"),
        (
            "{kind: signal, weight: .nan}",
            "models.m.weight is the number '.nan': write a number of at least 0",
        ),
        ("tags: fast", "models.m.tags is the text 'fast': write a list, [a, b]"),
        ("features: [[a]]", "models.m.features[0] is a list: give it a text"),
        ("timeout: 0", "models.m.timeout is the number '0': write a number above 0"),
        ("timeout: 1h", "models.m.timeout is the text '1h': write a number above 0"),
        ("timeout: true", "models.m.timeout is the value 'true': write a number above 0"),
        (
            "memory_limit_mb: 15",
            "models.m.memory_limit_mb is the number '15': write a whole number of at least 16",
        ),
        ("threads: 1.5", "models.m.threads is the number '1.5': write a whole number of at least 1"),
        ("threads: {a: 1}", "models.m.threads is a mapping: write a whole number of at least 1"),
    ],
)
def test_a_bad_value_is_named_with_its_line_and_what_is_right(written, entry, problem):
    entry = entry.removeprefix("{").removesuffix("}") if entry.startswith("{kind") else entry
    path = "" if entry.startswith("path") else ", path: 'm:C'"

    found = problems(written(f"# a comment\nmodels:\n  m: {{{entry}{path}}}\n"))

    assert len(found) >= 1
    assert found[0].startswith(f"line 3: {problem}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("models: [a]", ["line 1: models is a list, where `key: value` lines are expected"]),
        ("models:\n  m: 3", ["line 2: models.m is the number '3', where `key: value` lines are expected"]),
        ("models:\n  m:", ["line 2: models.m is empty: give it `path: package.module:Class`, or steps"]),
        (
            "models:\n  m: {tags: [a]}",
            ["line 2: models.m names no class: give it `path: package.module:Class`, or"],
        ),
        ("modles: {}", ["line 1: the catalog has the unknown key 'modles': did you mean 'models'?"]),
        ("models: {}\nensemble: 3", ["line 2: ensemble is the number '3', where `key: value` lines"]),
        ("models: {'a b': {path: 'm:C'}}", ["line 1: 'a b' is no id: up to 100 letters"]),
        ("models: {'..': {path: 'm:C'}}", ["line 1: '..' is no id: up to 100 letters"]),
        ("models: {[a]: {path: 'm:C'}}", ["line 1: the key is a list: a key is one word"]),
        (
            "models: {m: {steps: []}}",
            ["line 1: models.m.steps is a list: write a list of {path: ..., params"],
        ),
        (
            "models: {m: {steps: [{params: {}}]}}",
            ["line 1: models.m.steps[0] names no class: give it `path:"],
        ),
        (
            "models: {m: {steps: [{path: x}]}}",
            ["line 1: models.m.steps[0].path is the text 'x': write `package"],
        ),
        (
            "models: {m: {steps: [{path: 'a:B', parms: 1}]}}",
            ["line 1: models.m.steps[0] has the unknown key 'parms': did you mean 'params'?"],
        ),
        ("models: {m: {path: 'a:B', steps: [{path: 'a:B'}]}}", ["line 1: models.m has both path and steps"]),
        ("models: {m: {params: {}, steps: [{path: 'a:B'}]}}", ["line 1: models.m has params beside steps"]),
        (
            "models: {m: {kind: signal, steps: [{path: 'a:B'}]}}",
            ["line 1: models.m is a signal model, which"],
        ),
    ],
)
def test_a_wrong_shape_is_named_with_its_line(written, text, expected):
    found = problems(written(text))

    assert [line[: len(start)] for line, start in zip(found, expected, strict=False)] == expected


def test_an_id_of_more_than_100_characters_is_refused(written):
    assert len(problems(written(f"models: {{{'a' * 101}: {{path: 'm:C'}}}}"))) == 1
    assert len(read(written(f"models: {{{'a' * 100}: {{path: 'm:C'}}}}")).candidates) == 1


def test_an_id_that_is_given_twice_names_both_lines(written):
    text = "models:\n  a: {path: 'm:C'}\n  b: {path: 'm:C'}\n  'a': {path: 'm:D'}\n"

    assert problems(written(text)) == ["line 4: 'a' is given twice, first in line 2: remove one"]


def test_a_key_that_is_given_twice_names_both_lines_however_deep(written):
    text = "models:\n  a:\n    path: m:C\n    params:\n      x: {k: 1,\n        k: 2}\n"

    assert problems(written(text)) == ["line 6: 'k' is given twice, first in line 5: remove one"]


def test_all_problems_are_told_together_in_the_order_of_their_lines(written):
    text = """models:
  a:
    path: m
    threads: 0
  b: {}
  c: {path: "m:C", tmeout: 3}
extra: 1
"""

    assert [line.partition(":")[0] for line in problems(written(text))] == [
        "line 3",
        "line 4",
        "line 5",
        "line 6",
        "line 7",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "{file} must hold a mapping with the key `models`, but it holds nothing"),
        ("# only a comment", "{file} must hold a mapping with the key `models`, but it holds nothing"),
        ("- a", "{file} must hold a mapping with the key `models`, but it holds a list"),
        ("hello", "{file} must hold a mapping with the key `models`, but it holds the text 'hello'"),
        (
            "models:\n  a: {path: b\n",
            "{file}, line 3 is not YAML: expected ',' or '}', but got '<stream end>'",
        ),
        ("models:\n\ta: 1", "{file}, line 2 is not YAML: found character '\\t' that cannot start any token"),
        ("models: *x", "{file}, line 1 is not YAML: found undefined alias 'x'"),
        ("models: {}\n---\nmodels: {}", "{file}, line 2 is not YAML: but found another document"),
        ("models: {}\x00", "{file} is not YAML: unacceptable character #x0000"),
        ("a: " + "[" * 1500, "{file} is not YAML: maximum recursion depth exceeded"),
        ("models: {}\nensemble: {<<: 3}", "{file}, line 2: `<<` must name a mapping: expected a mapping"),
        ("ensemble: {}", "{file}, line 1: the key `models` is missing: the candidates stand below it"),
    ],
)
def test_a_malformed_file_is_one_clear_error(written, text, said):
    file = written(text)

    with pytest.raises(CatalogError) as caught:
        read(file)

    assert str(caught.value).startswith(said.replace("{file}", str(file)))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named_with_what_to_do(tmp_path):
    with pytest.raises(CatalogError, match=r"there is no catalog file .*/nowhere\.yaml: write one, or make"):
        read(tmp_path / "nowhere.yaml")


def test_a_folder_and_a_file_that_is_no_text_are_named(tmp_path):
    (tmp_path / "models.yaml").write_bytes(b"\xff\xfe\x00")

    for file in (tmp_path, tmp_path / "models.yaml"):
        with pytest.raises(CatalogError, match=f"{file} cannot be read: "):
            read(file)


def test_a_catalog_error_is_the_callers_to_mend():
    assert issubclass(CatalogError, InvalidInputError)


def test_the_shipped_catalog_has_at_least_twelve_enabled_candidates_with_a_description_each():
    candidates = read(SHIPPED).candidates

    assert len([c for c in candidates if c.enabled]) >= 12
    assert {"baseline", "stub"} < {c.id for c in candidates if c.enabled}
    assert [c.id for c in candidates if not c.enabled] == ["model_c", "broken"]
    assert all(c.description and c.tags for c in candidates)


def test_the_shipped_ensemble_says_its_rules_and_the_weights_of_its_models():
    shipped = read(SHIPPED)

    assert shipped.ensemble == EnsembleRules(
        conflict_strategy=Strategy.WEIGHTED_MAJORITY,
        min_agreement=0.5,
        min_confidence=0.6,
        flag_conflicts=True,
    )
    assert "\nensemble:\n" in SHIPPED.read_text(encoding="utf-8")
    assert [
        (c.id, c.version, c.weight, c.enabled) for c in shipped.candidates if c.kind is CandidateKind.SIGNAL
    ] == [("model_a", "v1.1", 0.6, True), ("model_b", "v1.0", 0.4, True), ("model_c", "v1.0", 0.0, False)]


def test_the_shipped_catalog_explains_every_key():
    text = SHIPPED.read_text(encoding="utf-8")

    from registry.catalog.models_yaml_schema import KEYS

    assert [key for key in KEYS if f"#   {key} " not in text] == ["path"]
    assert "#     path: models/mine.py:Mine" in text


GRID = """
models:
  forest: {{path: "a.b:Forest", params: {{n: 10}}, tags: [slow], grid: {grid}}}
  other: {{path: "a.b:Other"}}
"""


def test_an_entry_with_a_grid_is_a_family_of_candidates(written):
    candidates = read(written(GRID.format(grid="{depth: [4, null]}"))).candidates

    assert [candidate.id for candidate in candidates] == ["forest.depth-4", "forest.depth-none", "other"]
    assert [candidate.family for candidate in candidates] == ["forest", "forest", None]
    assert dict(candidates[1].params) == {"n": 10, "depth": None}
    assert candidates[0].tags == ("slow",)


@pytest.mark.parametrize(
    ("grid", "says"),
    [
        ("[4, 8]", "write {parameter: [value, value]}"),
        ("{depth: 4}", "write {parameter: [value, value]}"),
        ("{depth: []}", "write {parameter: [value, value]}"),
        ("{depth: [4, 4]}", "the grid of forest has a value of depth twice: [4, 4]"),
    ],
)
def test_a_grid_that_is_none_is_reported_with_its_line(written, grid, says):
    [problem] = problems(written(GRID.format(grid=grid)))

    assert problem.startswith("line 3")
    assert says in problem


def test_a_member_that_has_the_id_of_another_candidate_is_reported(written):
    text = GRID.format(grid="{depth: [4, 8]}").replace("other:", "forest.depth-4:")

    [problem] = problems(written(text))
    assert "'forest.depth-4' of forest.depth-4 is also in forest: give one another id" in problem


def test_a_signal_model_has_no_grid(written):
    text = GRID.format(grid="{depth: [4, 8]}").replace("tags: [slow]", "kind: signal")

    assert any("takes part in no bake-off: it has no grid" in problem for problem in problems(written(text)))


def test_an_entry_with_random_trials_is_a_family_of_candidates(written):
    text = GRID.format(grid="{}").replace(
        "grid: {}", "random: {trials: 2, params: {depth: {integers: [2, 4]}}}"
    )

    candidates = read(written(text)).candidates

    assert [candidate.id for candidate in candidates] == ["forest.trial-01", "forest.trial-02", "other"]
    assert all(2 <= candidate.params["depth"] <= 4 for candidate in candidates[:2])


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ("random: {trials: 0, params: {depth: [1]}}", "write a whole number of at least 1"),
        ("random: {trials: 2, param: {depth: [1]}}", "has the unknown key 'param'"),
        ("random: {trials: 2, params: {depth: {uniform: 3}}}", "write two numbers, the lower one first"),
        (
            "grid: {depth: [1]}, random: {trials: 2, params: {depth: [1]}}",
            "has both grid and random: leave one",
        ),
    ],
)
def test_random_trials_that_make_no_sense_are_reported(written, keys, says):
    text = GRID.format(grid="{}").replace("grid: {}", keys)

    assert any(says in problem for problem in problems(written(text)))
