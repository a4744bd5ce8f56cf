"""All settings: the type, the bounds, the default and the meaning of each."""

import re
import socket
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from bakeoff.domain.entry_points_of_installed_packages import Extends, added
from bakeoff.domain.finding import SLUGS, Acceptance
from bakeoff.domain.runs.model_saving import SavePolicy
from bakeoff.domain.runs.verdict import PreferAmongTied, SplitReuse
from bakeoff.domain.wording import listed, masked, nearest
from bakeoff.settings.log_setup import LogFormat
from bakeoff.settings.market_settings import MarketSettings
from bakeoff.settings.registry_settings import ModelRegistrySettings
from bakeoff.settings.schedule_and_suite_settings import DAILY, ScheduleSettings, SuiteSettings, daily
from bakeoff.settings.yaml_with_lines import Section


class DatasetSource(StrEnum):
    CSV = "csv"
    PARQUET = "parquet"
    SQL = "sql"
    POINTER = "pointer"  #: a small file that names the active SQLite file
    SKLEARN = "sklearn"  #: a toy set of scikit-learn, such as breast_cancer
    CALLABLE = "callable"  #: `package.module:function` that returns a DataFrame
    FEEDBACK_LABELS = "feedback_labels"  #: items of other systems, and the labels that they were given here


class ClientRight(StrEnum):
    """What a client may decide about a run, beside what is evaluated and how."""

    SAVE = "save"  #: which fitted models are saved, and under which name
    PRIORITY = "priority"  #: whose jobs go first


#: The keys that each source needs.
_NEEDED: Mapping[str, tuple[str, ...]] = {
    DatasetSource.CSV: ("path", "target"),
    DatasetSource.PARQUET: ("path", "target"),
    DatasetSource.SQL: ("url", "query", "target"),
    DatasetSource.POINTER: ("path", "query", "target"),
    DatasetSource.SKLEARN: ("name",),
    DatasetSource.CALLABLE: ("name", "target"),
    DatasetSource.FEEDBACK_LABELS: (),
}


class DatasetSettings(Section):
    """Where a dataset comes from, and which column is its target."""

    source: DatasetSource | str
    path: str | None = Field(
        None, description="file, for csv, parquet and pointer; file or folder that a callable may read"
    )
    url: str | None = Field(None, description="SQLAlchemy URL, for sql")
    query: str | None = Field(None, description="SELECT statement, for sql and pointer")
    name: str | None = Field(None, description="toy set, for sklearn; package.module:function, for callable")
    target: str | None = Field(
        None, description="column to be predicted; null, where the source allows it: target"
    )
    task: Literal["binary", "multiclass", "regression"] | None = Field(
        None, description="what kind of target it is; null: derived from its values"
    )
    split_column: str | None = Field(None, description="column with the values train and test")
    test_path: str | None = Field(None, description="file with the test rows, for csv and parquet")
    group: str | None = Field(None, description="column whose equal values are never trained on and tested")
    time: str | None = Field(None, description="column by which the latest rows are tested")
    fold_column: str | None = Field(None, description="column whose equal values are tested together")
    weight: str | None = Field(None, description="column of numbers: how much each row counts")
    separator: str | None = Field(
        None, min_length=1, max_length=1, description="between the values of a csv; null: found"
    )
    encoding: str | None = Field(
        None, description="of a csv, such as latin-1; null: UTF-8, or as it is marked"
    )
    dtypes: dict[str, str] = Field(default_factory=dict, description="column types, for csv")
    features: list[str] | None = Field(None, description="columns to use; null: all but the columns above")
    drop: list[str] = Field(default_factory=list, description="columns to leave out")
    drop_unlabelled: bool = Field(False, description="leave out rows that have no target")
    positive_label: str | int | float | bool | None = Field(
        None, description="positive class; null: the greater of two in sort order"
    )

    options: dict[str, Any] = Field(
        default_factory=dict, description="what a source of an installed package wants to know besides"
    )

    accept: list[dict[str, str]] = Field(
        default_factory=list,
        description="findings that are known and no problem: `[slug: reason]`, or `[slug column: reason]`",
    )

    @field_validator("accept")
    @classmethod
    def _names_findings_and_reasons(cls, accept: list[dict[str, str]]) -> list[dict[str, str]]:
        for line in accept:
            for what, reason in line.items():
                slug = what.strip().partition(" ")[0]
                if slug not in SLUGS:
                    raise ValueError(f"there is no finding {slug!r}{nearest(slug, SLUGS)}")
                if not reason.strip():
                    raise ValueError(f"{what} has no reason: say why it is no problem")
        return accept

    @property
    def accepted(self) -> list[Acceptance]:
        return [Acceptance.parse(what, reason) for line in self.accept for what, reason in line.items()]

    @field_validator("source")
    @classmethod
    def _is_known(cls, source: str) -> DatasetSource | str:
        if source in list(DatasetSource):
            return DatasetSource(source)
        if source not in (names := added(Extends.SOURCES)):
            known = [*map(str, DatasetSource), *names]
            raise ValueError(f"no source has this name{nearest(source, known)}; there are {listed(known)}")
        return source

    @property
    def is_added(self) -> bool:
        """Whether its source is that of an installed package."""
        return not isinstance(self.source, DatasetSource)

    @model_validator(mode="after")
    def _has_what_its_source_needs(self) -> "DatasetSettings":
        if self.options and not self.is_added:
            raise ValueError(f"a dataset of source {self.source} has no options")
        if self.fold_column and (self.split_column or self.test_path):
            raise ValueError("foldColumn, and splitColumn or testPath, both say which rows are tested")
        missing = [key for key in _NEEDED.get(self.source, ()) if getattr(self, key) is None]
        if missing:
            raise ValueError(f"a dataset of source {self.source} needs {' and '.join(missing)}")
        if senseless := self.senseless_of_text():
            raise ValueError(senseless)
        return self

    def senseless_of_text(self) -> str | None:
        """What is said of a text file where the source is none."""
        given = [key for key in ("separator", "encoding") if getattr(self, key) is not None]
        if not given or self.source is DatasetSource.CSV:
            return None
        keys = " and ".join(given)
        return f"{keys} can be said of CSV files only, and this dataset is of source {self.source}"

    @property
    def place(self) -> str | None:
        """Where it comes from, without the password of a URL."""
        return masked(self.url) if self.url else self.path or self.name

    def to_record(self, name: str) -> dict[str, Any]:
        """The dataset as JSON, over HTTP and in `--json`."""
        return {
            "name": name,
            "source": self.source,
            "from": self.place,
            "target": self.target,
            "task": self.task,
        }


class TrackingSettings(Section):
    """Where runs are logged after they have ended, beside Bakeoff's own database."""

    mlflow: str = Field(description="tracking URI of MLflow: http://HOST:PORT, or sqlite:///FILE")
    experiment: str | None = Field(
        None, min_length=1, description="experiment of MLflow; null: it has the name of the dataset"
    )
    artefacts: bool = Field(
        True, description="whether the report, curves, details and errors are uploaded, too"
    )

    @model_validator(mode="before")
    @classmethod
    def _may_be_the_uri_alone(cls, given: object) -> object:
        return {"mlflow": given} if isinstance(given, str) else given

    @field_validator("mlflow")
    @classmethod
    def _is_a_uri(cls, uri: str) -> str:
        if "://" not in uri or uri.startswith("file:"):
            raise ValueError("expected http://HOST:PORT, https://…, or sqlite:///FILE")
        return uri


class Settings(Section):
    eval_workers: int = Field(3, ge=1, le=10, description="evaluations that run at once on one machine")
    max_running: int | None = Field(
        None, ge=1, description="evaluations that run at once on all machines; null: as many as evalWorkers"
    )
    evaluation_timeout: float = Field(3600, gt=0, description="seconds after which an evaluation is ended")
    memory_limit_mb: int | None = Field(
        None,
        ge=16,
        description="memory a plugin may add to the libraries and the mapped data; null: no limit",
    )
    max_attempts: int = Field(3, ge=1, le=100, description="starts of a job whose worker or cell is killed")
    lease_seconds: float = Field(
        30, ge=1, description="seconds after which a worker that does not renew its lease loses its job"
    )
    keep_worker: float = Field(
        300,
        ge=0,
        description="seconds that a worker that `bakeoff run` started waits for a next run",
    )
    shutdown_grace: float = Field(30, ge=0, description="seconds a stopping worker gives its running jobs")
    import_timeout: float = Field(30, gt=0, description="seconds that the import of one candidate may take")
    metric_timeout: float = Field(
        60,
        gt=0,
        description="seconds that a custom metric of one candidate may take, with its interval",
    )
    preload: list[str] = Field(
        default_factory=lambda: ["sklearn"],
        description="libraries that each cell has in memory when it begins, beside numpy and pandas; their "
        "import starts no threads",
    )
    #: `xgboost-cpu` has the same module as `xgboost`, without what a GPU needs.
    shared_cells: list[str] = Field(
        default_factory=lambda: ["scikit-learn", "lightgbm", "xgboost", "xgboost-cpu"],
        description="installed packages whose candidates may run one after another in one cell; []: none",
    )
    env: list[str] = Field(
        default_factory=list,
        description="variables of the worker's environment that each candidate has, such as HF_TOKEN",
    )
    readable: list[str] = Field(
        default_factory=list,
        description="files and folders beside the project that each candidate may read, such as "
        "~/.cache/huggingface/hub",
    )
    metrics: list[str] | None = Field(
        None, description="metrics of a run, the first one ranks; null: those of the kind of target"
    )
    seed: int = Field(0, ge=0, lt=2**32, description="seed of the split, of numpy, and of every random_state")
    test_size: float = Field(0.25, gt=0, lt=1, description="share of the rows that is held out")
    strict: bool = Field(
        False,
        description="whether runs recommend and save nobody while a finding of high severity is open",
    )
    shuffle_check: bool = Field(
        False,
        description="whether the candidate that a run would recommend is first fitted to shuffled labels, "
        "where it must score as chance does",
    )
    shuffle_check_timeout: float = Field(
        300.0, gt=0, description="seconds that the refits of a shuffle check may take, all together"
    )
    seal: float = Field(
        0.0, ge=0, le=0.9, description="share of the test rows that only the winner of a run is scored on"
    )
    reuse: SplitReuse = Field(
        SplitReuse.COUNT,
        description="of a test set: count how often it was used; or spend it, so that with each further run "
        "more is asked of a candidate that is to replace the one adopted before",
    )
    prefer_among_tied: PreferAmongTied | list[str] = Field(
        PreferAmongTied.PREDICT_TIME,
        description="which candidate to take of those that share the first place: the one with the least "
        "predict_time, fit_time or memory, or the first of a list of candidates",
    )
    reuse_warning: int = Field(
        20, ge=1, description="fits scored on one test set from which on a verdict warns of its reuse"
    )
    reuse_alarm: int = Field(
        100, ge=1, description="fits scored on one test set from which on a verdict calls it used up"
    )
    broker_url: str | None = Field(None, description="Redis URL; null: an embedded Redis is started")
    broker_prefix: str = Field("bakeoff:", description="what each key in a shared Redis begins with")
    stream_length: int = Field(
        100_000, ge=100, description="events that the stream ml:run-events keeps, about"
    )
    database_url: str = Field(
        "sqlite:///data/bakeoff.db", description="SQLAlchemy URL of Bakeoff's own database"
    )
    data_dir: Path = Field(Path("data"), description="folder of logs and the embedded Redis, on a local disk")
    shared_dir: Path | None = Field(
        None,
        description="folder of snapshots, predictions and fitted models, on several machines one that all of "
        "them see; null: dataDir",
    )
    node_name: str | None = Field(None, description="name of this machine; null: its host name")
    log_format: LogFormat = Field(
        LogFormat.AUTO, description="format of the logs of services; auto: text on a terminal, JSON elsewhere"
    )
    model_registry: ModelRegistrySettings = Field(
        default_factory=ModelRegistrySettings, description="where trained models are kept, see below"
    )
    tracking: TrackingSettings | None = Field(
        None, description="the MLflow server that runs are logged to, see below; null: none"
    )
    api_host: str = Field("127.0.0.1", description="address that the HTTP API listens on")
    api_port: int = Field(8484, ge=0, le=65535, description="port of the HTTP API; 0: one that is free")
    api_tokens_file: Path | None = Field(
        None, description="who may use the HTTP API, by hashed tokens; null: api-tokens in dataDir"
    )
    api_origins: list[str] | None = Field(
        None, description="origins of web pages elsewhere that may use the HTTP API; null: none"
    )
    celery_clients_may: list[ClientRight] = Field(
        default_factory=list,
        description="what a request by Celery message may decide besides: save, priority or both; who can "
        "write to the broker can send one",
    )
    datasets: dict[str, DatasetSettings] = Field(default_factory=dict, description="datasets by name")
    market: MarketSettings | None = Field(
        None, description="prices and fundamentals for signal models, see below; null: none"
    )
    schedules: dict[str, ScheduleSettings] | None = Field(
        None,
        description="runs that start by themselves, by name; null: one a day at 03:00 UTC, of the dataset if "
        "there is just one",
    )
    suites: dict[str, SuiteSettings] = Field(
        default_factory=dict, description="the same candidates on several datasets, by name"
    )

    @field_validator("prefer_among_tied", mode="before")
    @classmethod
    def _is_a_cost_or_an_order(cls, preferred: object) -> object:
        """Text with commas is a list, as everywhere in the environment."""
        if not isinstance(preferred, str) or preferred in (known := list(map(str, PreferAmongTied))):
            return preferred
        if "," in preferred:
            return [name.strip() for name in preferred.split(",")]
        raise ValueError(
            f"no cost has this name{nearest(preferred, known)}; there are {listed(known)}, and lists of "
            "candidates"
        )

    @field_validator("broker_url")
    @classmethod
    def _is_of_a_redis(cls, url: str | None) -> str | None:
        if url is not None and urlsplit(url).scheme not in {"redis", "rediss"}:
            raise ValueError("expected redis://HOST:PORT/NUMBER, or rediss://…")
        return url

    @field_validator("preload")
    @classmethod
    def _are_modules(cls, names: list[str]) -> list[str]:
        if odd := [name for name in names if not all(map(str.isidentifier, name.split(".")))]:
            raise ValueError(f"{odd[0]!r} is no name of a module, such as sklearn or xgboost")
        return names

    @field_validator("shared_cells")
    @classmethod
    def _are_packages(cls, names: list[str]) -> list[str]:
        if odd := [name for name in names if not all(map(str.isalnum, re.split(r"[-_.]", name)))]:
            raise ValueError(f"{odd[0]!r} is no name of a package, such as scikit-learn")
        return names

    @property
    def overall_cap(self) -> int:
        return self.eval_workers if self.max_running is None else self.max_running

    @property
    def scheduled(self) -> Mapping[str, ScheduleSettings]:
        """The schedules by name, with the default one if the section is absent."""
        if self.schedules is not None or len(self.datasets) != 1:
            return self.schedules or {}
        save = SavePolicy.NONE if self.model_registry.backend == "none" else SavePolicy.BEST
        return {DAILY: daily(next(iter(self.datasets)), save)}

    @property
    def node(self) -> str:
        return self.node_name or socket.gethostname()
