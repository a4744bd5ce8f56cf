import json
from pathlib import Path
from typing import Any

import pytest

from bakeoff.domain.errors import InfrastructureError, InvalidInputError
from bakeoff.domain.runs.verdict import SplitReuse
from bakeoff.settings.configuration import Configuration, load
from bakeoff.settings.log_setup import LogFormat
from bakeoff.settings.market_settings import MarketSettings, MarketSource, TableSettings
from bakeoff.settings.registry_settings import ModelRegistrySettings
from bakeoff.settings.setting_checks import SettingOrigin
from bakeoff.settings.setting_definitions import Settings, TrackingSettings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The place of a configuration file, in a project folder that has nothing else in it."""
    (tmp_path / "config").mkdir()
    return tmp_path / "config" / "bakeoff.yaml"


def _load(
    file: Path,
    text: str = "",
    environment: dict[str, str] | None = None,
    overrides: dict[str, Any] | None = None,
) -> Configuration:
    file.write_text(text, encoding="utf-8")
    return load(file, overrides=overrides, environment=environment or {})


def _refusal(file: Path, text: str = "", environment: dict[str, str] | None = None, **overrides: Any) -> str:
    with pytest.raises(InvalidInputError) as refused:
        _load(file, text, environment, overrides)
    return str(refused.value)


def test_the_defaults_are_those_of_the_documentation(file: Path) -> None:
    settings = _load(file).settings

    assert (settings.eval_workers, settings.max_running, settings.evaluation_timeout) == (3, None, 3600)
    assert (settings.memory_limit_mb, settings.max_attempts, settings.lease_seconds) == (None, 3, 30)
    assert (settings.shutdown_grace, settings.import_timeout, settings.metrics) == (30, 30, None)
    assert (settings.seed, settings.test_size, settings.broker_url) == (0, 0.25, None)
    assert (settings.database_url, settings.data_dir) == ("sqlite:///data/bakeoff.db", Path("data"))
    assert (settings.shared_dir, settings.node_name, settings.datasets) == (None, None, {})
    assert (settings.model_registry.backend, settings.model_registry.save) == ("local", "none")
    assert settings.model_registry.promotion.stage is None


@pytest.mark.parametrize(
    ("given", "workers", "origin"),
    [
        (("evalWorkers: 5", {"BAKEOFF_EVAL_WORKERS": "6"}, {"evalWorkers": 7}), 7, "command line"),
        (("evalWorkers: 5", {"BAKEOFF_EVAL_WORKERS": "6"}, {}), 6, "environment"),
        (("evalWorkers: 5", {}, {}), 5, "file"),
        (("", {}, {}), 3, "default"),
        (("evalWorkers: 5", {}, {"evalWorkers": None}), 5, "file"),
    ],
)
def test_the_command_line_precedes_the_environment_the_file_and_the_default(
    file: Path, given: tuple[str, dict[str, str], dict[str, Any]], workers: int, origin: str
) -> None:
    configuration = _load(file, *given)

    assert configuration.settings.eval_workers == workers
    assert configuration.origins["evalWorkers"] == origin
    assert configuration.origins["seed"] == "default"


def test_each_key_has_an_origin(file: Path) -> None:
    origins = _load(file, "seed: 1", {"BAKEOFF_TEST_SIZE": "0.5"}, {"metrics": ["f1"]}).origins

    assert {"seed", "testSize", "metrics", "evaluationTimeout", "databaseUrl", "datasets"} <= origins.keys()
    assert len(origins) == len(Settings.model_fields)
    assert {key for key, origin in origins.items() if origin is not SettingOrigin.DEFAULT} == {
        "seed",
        "testSize",
        "metrics",
    }


#: A text for each key's environment variable, and what it is read as. A new setting needs a line here.
_VARIABLES: dict[str, tuple[str, Any]] = {
    "BAKEOFF_EVAL_WORKERS": ("4", 4),
    "BAKEOFF_MAX_RUNNING": ("8", 8),
    "BAKEOFF_PREFER_AMONG_TIED": ("memory", "memory"),
    "BAKEOFF_REUSE_WARNING": ("30", 30),
    "BAKEOFF_REUSE_ALARM": ("200", 200),
    "BAKEOFF_EVALUATION_TIMEOUT": ("1.5", 1.5),
    "BAKEOFF_MEMORY_LIMIT_MB": ("512", 512),
    "BAKEOFF_MAX_ATTEMPTS": ("1", 1),
    "BAKEOFF_LEASE_SECONDS": ("45", 45.0),
    "BAKEOFF_KEEP_WORKER": ("0", 0.0),
    "BAKEOFF_SHUTDOWN_GRACE": ("0", 0.0),
    "BAKEOFF_IMPORT_TIMEOUT": ("5", 5.0),
    "BAKEOFF_METRIC_TIMEOUT": ("5", 5.0),
    "BAKEOFF_PRELOAD": ("sklearn,xgboost", ["sklearn", "xgboost"]),
    "BAKEOFF_SHARED_CELLS": ("scikit-learn,xgboost", ["scikit-learn", "xgboost"]),
    "BAKEOFF_ENV": ("HF_TOKEN,PROXY", ["HF_TOKEN", "PROXY"]),
    "BAKEOFF_READABLE": ("~/.cache/huggingface", ["~/.cache/huggingface"]),
    "BAKEOFF_METRICS": ('["recall", "f1"]', ["recall", "f1"]),
    "BAKEOFF_SEED": ("42", 42),
    "BAKEOFF_TEST_SIZE": ("0.5", 0.5),
    "BAKEOFF_BROKER_URL": ("redis://here:1", "redis://here:1"),
    "BAKEOFF_BROKER_PREFIX": ("mine:", "mine:"),
    "BAKEOFF_STREAM_LENGTH": ("500", 500),
    "BAKEOFF_DATABASE_URL": ("sqlite:///other.db", "sqlite:///other.db"),
    "BAKEOFF_DATA_DIR": ("/var/lib/bakeoff", Path("/var/lib/bakeoff")),
    "BAKEOFF_SEAL": ("0.2", 0.2),
    "BAKEOFF_STRICT": ("true", True),
    "BAKEOFF_SHUFFLE_CHECK": ("true", True),
    "BAKEOFF_SHUFFLE_CHECK_TIMEOUT": ("60", 60.0),
    "BAKEOFF_REUSE": ("spend", SplitReuse.SPEND),
    "BAKEOFF_SHARED_DIR": ("/mnt/bakeoff", Path("/mnt/bakeoff")),
    "BAKEOFF_NODE_NAME": ("left", "left"),
    "BAKEOFF_LOG_FORMAT": ("json", LogFormat.JSON),
    "BAKEOFF_MODEL_REGISTRY": (
        '{"backend": "mlflow", "trackingUri": "http://here"}',
        ModelRegistrySettings(backend="mlflow", tracking_uri="http://here"),
    ),
    "BAKEOFF_API_HOST": ("0.0.0.0", "0.0.0.0"),
    "BAKEOFF_API_PORT": ("80", 80),
    "BAKEOFF_API_TOKENS_FILE": ("/etc/tokens", Path("/etc/tokens")),
    "BAKEOFF_API_ORIGINS": ("https://a,https://b", ["https://a", "https://b"]),
    "BAKEOFF_CELERY_CLIENTS_MAY": ("save,priority", ["save", "priority"]),
    "BAKEOFF_MARKET": (
        '{"prices": {"source": "synthetic"}}',
        MarketSettings(prices=TableSettings(source=MarketSource.SYNTHETIC)),
    ),
    "BAKEOFF_SCHEDULES": ("{}", {}),
    "BAKEOFF_SUITES": ("{}", {}),
    "BAKEOFF_TRACKING": ('{"mlflow": "http://here"}', TrackingSettings(mlflow="http://here")),
    "BAKEOFF_DATASETS": ('{"iris": {"source": "sklearn", "name": "iris"}}', None),
}


def test_every_key_is_also_an_environment_variable() -> None:
    assert {"BAKEOFF_" + name.upper() for name in Settings.model_fields} == set(_VARIABLES)


@pytest.mark.parametrize(("variable", "text", "value"), [(k, *v) for k, v in _VARIABLES.items()])
def test_a_variable_of_the_environment_sets_its_key(file: Path, variable: str, text: str, value: Any) -> None:
    settings = _load(file, environment={variable: text}).settings

    found = getattr(settings, variable.removeprefix("BAKEOFF_").lower())
    if variable == "BAKEOFF_DATASETS":
        assert (found["iris"].source, found["iris"].name) == ("sklearn", "iris")
    else:
        assert found == value


@pytest.mark.parametrize(("text", "value"), [("f1", ["f1"]), ("recall,f1", ["recall", "f1"])])
def test_a_list_of_words_needs_no_json_in_the_environment(file: Path, text: str, value: list[str]) -> None:
    assert _load(file, environment={"BAKEOFF_METRICS": text}).settings.metrics == value


def test_a_value_may_stand_in_a_file_that_its_variable_names(file: Path, tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql+psycopg://me:sesame@here/b\n")
    configuration = _load(file, "databaseUrl: sqlite:///x.db", {"BAKEOFF_DATABASE_URL_FILE": str(secret)})

    assert configuration.database_url == "postgresql+psycopg://me:sesame@here/b"
    assert configuration.origins["databaseUrl"] == "environment"


def test_so_may_the_token_of_the_api(file: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0123456789abcdef\n")
    in_a_file = _load(file, environment={"BAKEOFF_API_TOKEN_FILE": str(tmp_path / "token")})

    assert (
        in_a_file.token_digest
        == _load(file, environment={"BAKEOFF_API_TOKEN": "0123456789abcdef"}).token_digest
    )


def test_a_setting_whose_own_name_ends_so_is_itself(file: Path) -> None:
    tokens = _load(file, environment={"BAKEOFF_API_TOKENS_FILE": "/etc/tokens"}).settings.api_tokens_file

    assert tokens == Path("/etc/tokens")


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"BAKEOFF_SEED_FILE": "/nowhere"}, "sets BAKEOFF_SEED_FILE to /nowhere, which cannot be read: "),
        (
            {"BAKEOFF_SEED_FILE": "/x", "BAKEOFF_SEED": "1"},
            "BAKEOFF_SEED and BAKEOFF_SEED_FILE: leave one of them",
        ),
        ({"BAKEOFF_SED_FILE": "/x"}, "sets BAKEOFF_SED, which is no setting: did you mean BAKEOFF_SEED?"),
        ({"BAKEOFF_CONFIG_FILE": "/x"}, "sets BAKEOFF_CONFIG_FILE, which is no setting"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(file: Path, environment: dict[str, str], said: str) -> None:
    assert said in _refusal(file, "", environment)


@pytest.mark.parametrize(
    ("text", "preferred"), [("fit_time", "fit_time"), ("forest, knn", ["forest", "knn"])]
)
def test_a_tie_is_decided_by_a_cost_or_by_an_order(file: Path, text: str, preferred: object) -> None:
    found = _load(file, environment={"BAKEOFF_PREFER_AMONG_TIED": text}).settings.prefer_among_tied

    assert found == preferred


def test_a_cost_that_there_is_not_is_refused_with_those_there_are(file: Path) -> None:
    said = _refusal(file, "preferAmongTied: fit_tim")

    assert "preferAmongTied is 'fit_tim': no cost has this name; did you mean 'fit_time'?" in said
    assert "there are 'predict_time', 'fit_time', 'memory', and lists of candidates" in said


@pytest.mark.parametrize("text", ["", "null"])
def test_an_empty_variable_means_null(file: Path, text: str) -> None:
    configuration = _load(file, "maxRunning: 5", {"BAKEOFF_MAX_RUNNING": text})

    assert configuration.settings.max_running is None
    assert configuration.origins["maxRunning"] == "environment"


def test_variables_of_other_programs_are_left_alone(file: Path) -> None:
    assert _load(file, environment={"PATH": "/bin", "EVAL_WORKERS": "9"}).settings.eval_workers == 3


def test_a_wrong_value_in_the_file_is_named_with_file_and_key(file: Path) -> None:
    assert _refusal(file, "evalWorkers: 11") == (
        f"{file}, line 1: evalWorkers is 11: input should be less than or equal to 10"
    )


def test_a_wrong_value_in_the_environment_is_named_with_its_variable(file: Path) -> None:
    assert _refusal(file, "evalWorkers: 5", {"BAKEOFF_EVAL_WORKERS": "many"}) == (
        "the environment (BAKEOFF_EVAL_WORKERS): evalWorkers is 'many': "
        "input should be a valid integer, unable to parse string as an integer"
    )


def test_a_wrong_value_on_the_command_line_says_so(file: Path) -> None:
    assert _refusal(file, seed=-1) == ("command line: seed is -1: input should be greater than or equal to 0")


def test_all_that_is_wrong_is_told_at_once(file: Path) -> None:
    assert _refusal(file, "seed: x\ntestSize: 2").splitlines() == [
        f"{file}, line 1: seed is 'x': input should be a valid integer, unable to parse string as an integer",
        f"{file}, line 2: testSize is 2: input should be less than 1",
    ]


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("evalWorker: 5", "evalWorker is no setting: did you mean evalWorkers?"),
        ("eval_workers: 5", "eval_workers is no setting: did you mean evalWorkers?"),
        ("leaseSecond: 5", "leaseSecond is no setting: did you mean leaseSeconds?"),
        (
            "market: {prices: {source: synthetic}, fundamental: {source: synthetic}}",
            "market.fundamental is no setting: did you mean fundamentals?",
        ),
        (
            "market: {prices: {source: csv, path: a.csv, column: {}}}",
            "market.prices.column is no setting: did you mean columns?",
        ),
        (
            "market: {prices: {source: synthetic}, fundamentals: {source: csv, pathh: a.csv}}",
            "market.fundamentals.pathh is no setting: did you mean path?",
        ),
        ("modelRegistry: {backends: local}", "modelRegistry.backends is no setting: did you mean backend?"),
        (
            "modelRegistry: {promotion: {stages: Staging}}",
            "modelRegistry.promotion.stages is no setting: did you mean stage?",
        ),
        (
            "modelRegistry: {promotion: {gates: [{metric: f1, min: 0.5}, {metric: f1, minn: 1, max: 1}]}}",
            "modelRegistry.promotion.gates[1].minn is no setting: did you mean min?",
        ),
        (
            "modelRegistry: {promotion: {hooks: [{comand: [ls], python: a:b}]}}",
            "modelRegistry.promotion.hooks[0].comand is no setting: did you mean command?",
        ),
        (
            "datasets: {promotion: {source: sklearn, name: iris, targt: y}}",
            "datasets.promotion.targt is no setting: did you mean target?",
        ),
        (
            "datasets: {iris: {source: sklearn, name: iris, targt: y}}",
            "datasets.iris.targt is no setting: did you mean target?",
        ),
        (
            "datasets: {iris: {source: sklearn, name: iris, split_column: y}}",
            "datasets.iris.split_column is no setting: did you mean splitColumn?",
        ),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known_one(file: Path, text: str, cure: str) -> None:
    assert _refusal(file, text) == f"{file}, line 1: {cure}"


def test_a_key_that_is_near_to_none_is_answered_with_all_of_them(file: Path) -> None:
    said = _refusal(file, "zzz: 1")

    assert said.startswith(f"{file}, line 1: zzz is no setting: there are apiHost, ")
    assert said.endswith(", testSize, tracking")


def test_an_unknown_variable_is_named_with_the_nearest_known_one(file: Path) -> None:
    assert _refusal(file, environment={"BAKEOFF_EVALWORKERS": "3"}) == (
        "the environment sets BAKEOFF_EVALWORKERS, which is no setting: did you mean BAKEOFF_EVAL_WORKERS?"
    )


def test_malformed_json_in_a_variable_is_named_with_the_variable(file: Path) -> None:
    assert _refusal(file, environment={"BAKEOFF_METRICS": "[f1]"}) == (
        "the environment sets BAKEOFF_METRICS to '[f1]', which is no JSON: "
        "Expecting value: line 1 column 2 (char 1)"
    )


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n"])
def test_an_empty_file_leaves_the_defaults(file: Path, text: str) -> None:
    configuration = _load(file, text)

    assert configuration.settings == Settings()
    assert set(configuration.origins.values()) == {"default"}


@pytest.mark.parametrize(
    ("text", "what"),
    [("- a\n- b", "a list"), ("evalWorkers", "the text 'evalWorkers'"), ("3", "the number '3'")],
)
def test_a_file_without_keys_is_refused(file: Path, text: str, what: str) -> None:
    assert _refusal(file, text) == f"{file} must hold `key: value` lines, but it holds {what}"


def test_of_a_file_that_is_no_configuration_only_the_beginning_and_the_end_are_quoted(file: Path) -> None:
    told = _refusal(file, "root:x:0:0\n" * 500)

    assert "it holds the text 'root:x:0:0 root" in told
    assert "characters ...]" in told
    assert len(told) < 400


def test_a_setting_of_the_command_line_is_refused_by_the_option_that_was_typed(file: Path) -> None:
    assert _refusal(file, evaluationTimeout=-5.0).startswith(
        "command line (--timeout): evaluationTimeout is -5.0: "
    )


@pytest.mark.parametrize("text", ["1: 2", "null: 2"])
def test_a_key_that_is_no_text_is_refused(file: Path, text: str) -> None:
    assert f"line 1: {text[:-3]} is no setting: there are" in _refusal(file, text)


def test_a_key_that_is_given_twice_is_refused_with_both_lines(file: Path) -> None:
    assert _refusal(file, "seed: 1\nmetrics: [f1]\nseed: 2\n") == (
        f"{file}, line 3: 'seed' is given twice, first in line 1: remove one"
    )


def test_a_problem_deep_in_a_section_is_named_with_its_own_line(file: Path) -> None:
    text = """
modelRegistry:
  promotion:
    gates:
      - {metric: f1, min: 0.5}
      - metric: f1
        minn: 1
"""

    assert f"{file}, line 7: modelRegistry.promotion.gates[1].minn is no setting" in _refusal(file, text)


def test_a_slip_of_syntax_is_named_with_file_and_line(file: Path) -> None:
    said = _refusal(file, "seed: 1\nmetrics: [f1\n")

    assert said.startswith(f"{file}, line 3 is not YAML: ")


def test_a_file_in_another_encoding_is_refused(file: Path) -> None:
    file.write_bytes("nodeName: Köln".encode("latin-1"))

    with pytest.raises(InvalidInputError) as refused:
        load(file, environment={})

    assert str(refused.value).startswith(f"{file} cannot be read: 'utf-8' codec can't decode byte")


@pytest.mark.parametrize("key", ["evaluationTimeout", "leaseSeconds", "shutdownGrace", "importTimeout"])
@pytest.mark.parametrize("value", [".inf", ".nan"])
def test_a_duration_is_a_finite_number(file: Path, key: str, value: str) -> None:
    assert _refusal(file, f"{key}: {value}").endswith("input should be a finite number")


def test_a_folder_stands_for_the_file_in_it(file: Path) -> None:
    file.write_text("seed: 5")

    configuration = load(file.parent, environment={})

    assert configuration.settings.seed == 5
    assert configuration.file == file


def test_the_environment_may_name_the_file(file: Path) -> None:
    file.write_text("seed: 5")

    assert load(environment={"BAKEOFF_CONFIG": str(file)}).settings.seed == 5


def test_the_command_line_names_the_file_before_the_environment_does(file: Path, tmp_path: Path) -> None:
    file.write_text("seed: 5")

    assert load(file, environment={"BAKEOFF_CONFIG": str(tmp_path / "other.yaml")}).settings.seed == 5


@pytest.mark.parametrize("missing", ["nowhere.yaml", "."])
def test_a_file_that_is_not_there_is_named_with_the_cure(tmp_path: Path, missing: str) -> None:
    asked = tmp_path / missing
    expected = tmp_path / "bakeoff.yaml" if missing == "." else asked

    with pytest.raises(InvalidInputError) as refused:
        load(asked, environment={})

    assert str(refused.value) == (
        f"there is no configuration file {expected}: give --config or BAKEOFF_CONFIG an existing file, "
        f"or make one with `bakeoff init`"
    )


def test_without_a_file_the_current_folder_is_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    configuration = load(environment={})

    assert configuration.file is None
    assert configuration.root == tmp_path
    assert configuration.catalog_file == tmp_path / "config/models.yaml"


def test_the_file_of_the_current_folder_is_found(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("seed: 5")
    monkeypatch.chdir(file.parent.parent)

    configuration = load(environment={})

    assert configuration.settings.seed == 5
    assert configuration.root == file.parent.parent


@pytest.mark.parametrize("name", ["bakeoff.yaml", "models.yaml"])
def test_the_nearest_project_above_the_current_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for root in (tmp_path, tmp_path / "inner"):
        (root / "config").mkdir(parents=True)
        (root / "config" / name).touch()
    deep = tmp_path / "inner" / "notebooks" / "old"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)

    assert load(environment={}).root == tmp_path / "inner"


def test_relative_places_start_at_the_folder_above_config(file: Path, tmp_path: Path) -> None:
    configuration = _load(file, "dataDir: var\ndatabaseUrl: sqlite:///var/own.db")

    assert configuration.root == tmp_path
    assert configuration.data_dir == tmp_path / "var"
    assert configuration.database_url == f"sqlite:///{tmp_path}/var/own.db"
    assert configuration.catalog_file == tmp_path / "config/models.yaml"
    assert configuration.snapshots == tmp_path / "var/snapshots"
    assert configuration.log_of("r", "j") == tmp_path / "var/logs/r/j.log"
    assert configuration.predictions_of("r", "j") == tmp_path / "var/predictions/r/j.npy"


def test_what_other_machines_need_lies_in_the_shared_folder_and_the_rest_beside_this_one(
    file: Path, tmp_path: Path
) -> None:
    configuration = _load(file, "dataDir: var\nsharedDir: mnt")

    assert configuration.snapshots == tmp_path / "mnt/snapshots"
    assert configuration.predictions_of("r", "j") == tmp_path / "mnt/predictions/r/j.npy"
    assert configuration.log_of("r", "j") == tmp_path / "var/logs/r/j.log"
    assert configuration.worker_log == tmp_path / "var/logs/worker.log"
    assert configuration.secrets[:2] == (tmp_path / "var", tmp_path / "mnt")


def test_a_shared_folder_that_is_not_there_is_refused_with_the_cure_and_never_made(
    file: Path, tmp_path: Path
) -> None:
    with pytest.raises(InfrastructureError) as refused:
        _load(file, "sharedDir: mnt").require_shared_dir()

    assert str(refused.value) == (
        f"there is no folder {tmp_path}/mnt: mount it, or make it, or correct sharedDir"
    )
    assert not (tmp_path / "mnt").exists()


@pytest.mark.parametrize(("key", "given"), [("dataDir", "."), ("sharedDir", ".."), ("dataDir", "/")])
def test_a_folder_that_is_closed_to_plugins_must_not_hold_the_project(
    file: Path, tmp_path: Path, key: str, given: str
) -> None:
    assert _refusal(file, f"{key}: {given}") == (
        f"{key} is {(tmp_path / given).resolve()}, and the project {tmp_path} lies in it: candidates may not "
        f"read what is there, their own code neither; name a folder of its own"
    )


def test_a_data_folder_that_is_not_there_yet_is_no_reason_to_refuse(file: Path) -> None:
    _load(file, "dataDir: var").require_shared_dir()


def test_a_mounted_file_that_is_a_link_does_not_move_the_root(file: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/mounted.yaml").write_text("seed: 5")
    file.symlink_to(tmp_path / "elsewhere/mounted.yaml")

    configuration = load(file, environment={})

    assert configuration.settings.seed == 5
    assert configuration.root == tmp_path


@pytest.mark.parametrize(
    "url",
    ["sqlite:////var/own.db", "sqlite://", "sqlite:///:memory:", "postgresql+psycopg://me@host/own"],
)
def test_other_database_urls_stay_as_they_are(file: Path, url: str) -> None:
    assert _load(file, f"databaseUrl: '{url}'").database_url == url


def test_an_absolute_data_folder_stays_where_it_is(file: Path) -> None:
    assert _load(file, "dataDir: /var/lib/bakeoff").data_dir == Path("/var/lib/bakeoff")


def test_the_overall_cap_is_that_of_one_machine_unless_a_cluster_sets_it(file: Path) -> None:
    assert _load(file, "evalWorkers: 4").settings.overall_cap == 4
    assert _load(file, "evalWorkers: 4\nmaxRunning: 12").settings.overall_cap == 12


def test_the_node_is_the_machine_unless_it_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "machine-7")

    assert _load(file).settings.node == "machine-7"
    assert _load(file, "nodeName: left").settings.node == "left"


@pytest.mark.parametrize(
    ("source", "needed"),
    [
        ("csv", "path and target"),
        ("parquet", "path and target"),
        ("sql", "url and query and target"),
        ("pointer", "path and query and target"),
        ("sklearn", "name"),
        ("callable", "name and target"),
    ],
)
def test_a_dataset_has_what_its_source_needs(file: Path, source: str, needed: str) -> None:
    assert _refusal(file, f"datasets: {{mine: {{source: {source}}}}}") == (
        f"{file}, line 1: datasets.mine is {{'source': '{source}'}}: "
        f"a dataset of source {source} needs {needed}"
    )


def test_a_dataset_that_is_no_csv_has_no_separator(file: Path) -> None:
    refusal = _refusal(file, "datasets: {mine: {source: sklearn, name: iris, separator: ';'}}")
    assert refusal.endswith(
        "separator can be said of CSV files only, and this dataset is of source sklearn"
    ), refusal


@pytest.mark.parametrize(
    "dataset",
    [
        {"source": "csv", "path": "a.csv", "target": "y", "dtypes": {"zip": "string"}, "testPath": "b.csv"},
        {"source": "parquet", "path": "a.parquet", "target": "y", "splitColumn": "part"},
        {"source": "sql", "url": "sqlite:///a.db", "query": "SELECT 1", "target": "y"},
        {"source": "pointer", "path": "active.txt", "query": "SELECT 1", "target": "y", "task": "regression"},
        {"source": "sklearn", "name": "iris"},
        {"source": "callable", "name": "data:make", "target": "y", "positiveLabel": 1, "drop": ["id"]},
    ],
)
def test_a_complete_dataset_is_read_as_it_stands(file: Path, dataset: dict[str, Any]) -> None:
    settings = _load(file, json.dumps({"datasets": {"mine": dataset}})).settings

    assert settings.datasets["mine"].model_dump(by_alias=True, exclude_unset=True, mode="json") == dataset


def test_what_a_market_is_read_from_is_closed_to_plugins(file: Path) -> None:
    """The future is in there."""
    text = "market: {prices: {source: parquet, path: p}, fundamentals: {source: csv, path: /f}}"
    assert {file.parent.parent / "p", Path("/f")} <= set(_load(file, text).secrets)


def test_an_unknown_source_is_answered_with_the_known_ones(file: Path) -> None:
    assert _refusal(file, "datasets: {mine: {source: xls, path: a, target: y}}") == (
        f"{file}, line 1: datasets.mine.source is 'xls': "
        f"no source has this name; there are 'csv', 'parquet', 'sql', 'pointer', 'sklearn', 'callable', "
        f"'feedback_labels'"
    )


@pytest.mark.parametrize("label", ["yes", 1, 1.5, True])
def test_a_positive_label_keeps_its_type(file: Path, label: object) -> None:
    text = json.dumps(
        {"datasets": {"d": {"source": "csv", "path": "p", "target": "y", "positiveLabel": label}}}
    )

    found = _load(file, text).settings.datasets["d"].positive_label

    assert (found, type(found)) == (label, type(label))


def test_the_registry_is_below_the_data_unless_it_has_a_path(file: Path) -> None:
    assert _load(file, "dataDir: d").registry_path == file.parent.parent / "d/models/registry"
    assert _load(file, "modelRegistry: {path: m}").registry_path == file.parent.parent / "m"
    assert _load(file, "modelRegistry: {path: /m}").registry_path == Path("/m")


def test_a_registry_elsewhere_is_closed_to_plugins(file: Path) -> None:
    assert file.parent.parent / "m" in _load(file, "modelRegistry: {path: m}").secrets


@pytest.mark.parametrize(
    ("gate", "why"),
    [
        ("{metric: f1}", "a gate needs one of min, max, betterThanProduction and notWorseThan"),
        (
            "{metric: f1, min: 0, max: 1}",
            "a gate needs one of min, max, betterThanProduction and notWorseThan",
        ),
        (
            "{metric: f1, notWorseThan: 0.1, max: 1}",
            "a gate needs one of min, max, betterThanProduction and notWorseThan",
        ),
        ("{metric: f1, betterThanProduction: shown, by: 1}", "by belongs to betterThanProduction: true"),
        ("{metric: f1, min: 0.5, by: 1}", "by belongs to betterThanProduction: true"),
    ],
)
def test_a_gate_asks_one_thing(file: Path, gate: str, why: str) -> None:
    said = _refusal(file, f"modelRegistry: {{promotion: {{gates: [{gate}]}}}}")

    assert said.endswith(f": {why}")


@pytest.mark.parametrize("hook", ["{}", "{command: [ls], python: a:b}"])
def test_a_hook_is_a_command_or_a_function(file: Path, hook: str) -> None:
    said = _refusal(file, f"modelRegistry: {{promotion: {{hooks: [{hook}]}}}}")

    assert said.endswith(": a hook needs either command or python")


def test_nothing_is_promoted_to_a_stage_that_is_none(file: Path) -> None:
    said = _refusal(file, "modelRegistry: {promotion: {stage: Archived}}")

    assert "modelRegistry.promotion.stage is 'Archived'" in said


def test_cells_are_shared_by_packages_and_not_by_classes(file: Path) -> None:
    assert "'sklearn.tree:Tree' is no name of a package, such as scikit-learn" in _refusal(
        file, "sharedCells: ['sklearn.tree:Tree']"
    )


@pytest.mark.parametrize("url", ["here", "http://here:6379", "redis+socket:///here"])
def test_a_broker_that_is_no_redis_is_refused_when_the_settings_are_read(file: Path, url: str) -> None:
    assert f"brokerUrl is '{url}': expected redis://HOST:PORT/NUMBER, or rediss://…" in _refusal(
        file, f"brokerUrl: {url}"
    )


def test_what_is_to_be_preloaded_are_modules(file: Path) -> None:
    assert "'scikit-learn' is no name of a module, such as sklearn" in _refusal(
        file, "preload: [scikit-learn]"
    )


def test_the_address_alone_says_where_runs_are_logged(file: Path) -> None:
    settings = _load(file, environment={"BAKEOFF_TRACKING": "https://me:secret@mlflow"}).settings

    assert settings.tracking == TrackingSettings(mlflow="https://me:secret@mlflow")


@pytest.mark.parametrize("uri", ["mlruns", "file:///tmp/mlruns"])
def test_an_address_that_mlflow_does_not_log_to_is_refused(file: Path, uri: str) -> None:
    said = _refusal(file, environment={"BAKEOFF_TRACKING": uri})

    assert "expected http://HOST:PORT, https://…, or sqlite:///FILE" in said


def test_no_plugin_opens_the_database_that_runs_are_logged_to(file: Path) -> None:
    configuration = _load(file, environment={"BAKEOFF_TRACKING": "sqlite:///logged/mlflow.db"})

    folder = configuration.root.resolve() / "logged"
    assert {folder / "mlflow.db", folder / "mlartifacts"} <= set(configuration.own_files)


def test_an_override_that_repeats_the_file_comes_from_the_file(file: Path) -> None:
    assert _load(file, "apiPort: 9000", None, {"apiPort": 9000}).origins["apiPort"] == "file"
    assert _load(file, "apiPort: 9000", None, {"apiPort": 9001}).origins["apiPort"] == "command line"
