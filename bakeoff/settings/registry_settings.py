"""The section `modelRegistry`: where trained models are kept, which are saved, and when they are promoted."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from bakeoff.domain.entry_points_of_installed_packages import Extends, added
from bakeoff.domain.runs.model_saving import SavePolicy
from bakeoff.domain.wording import listed, nearest
from bakeoff.settings.yaml_with_lines import Section

#: The backends of Bakeoff itself.
BACKENDS = ("local", "mlflow", "none")


class GateSettings(Section):
    """One condition that a version must meet to be promoted."""

    metric: str = Field(description="metric that is looked at")
    min: float | None = Field(None, description="the least value that passes")
    max: float | None = Field(None, description="the greatest value that passes, for errors and losses")
    better_than_production: bool | Literal["shown"] = Field(
        False,
        description="true: a better number than that of the version in Production; shown: the verdict shows "
        "that it is better",
    )
    by: float = Field(0.0, ge=0, description="by how much better at least, for betterThanProduction: true")
    not_worse_than: float | None = Field(
        None,
        gt=0,
        description="by how much, in the unit of the metric, it may be worse than the version in Production; "
        "the verdict must rule out more",
    )

    @property
    def needs_a_verdict(self) -> bool:
        """Whether it needs a verdict, and not just a number, to be passed."""
        return self.better_than_production == "shown" or self.not_worse_than is not None

    @property
    def is_beside_production(self) -> bool:
        return bool(self.better_than_production) or self.not_worse_than is not None

    @model_validator(mode="after")
    def _asks_one_thing(self) -> "GateSettings":
        asked = (
            self.min is not None,
            self.max is not None,
            bool(self.better_than_production),
            self.not_worse_than is not None,
        )
        if sum(asked) != 1:
            raise ValueError("a gate needs one of min, max, betterThanProduction and notWorseThan")
        if self.by and self.better_than_production is not True:
            raise ValueError("by belongs to betterThanProduction: true")
        return self


class HookSettings(Section):
    """A program or a function that is called after a promotion."""

    command: list[str] | None = Field(
        None, min_length=1, description="program and arguments; it is given the promotion as JSON on stdin"
    )
    python: str | None = Field(
        None, description="package.module:function, which is called with the promotion"
    )
    timeout: float = Field(60, gt=0, description="seconds after which it is ended")

    @model_validator(mode="after")
    def _is_one_thing(self) -> "HookSettings":
        if (self.command is None) == (self.python is None):
            raise ValueError("a hook needs either command or python")
        return self


class PromotionSettings(Section):
    stage: Literal["Staging", "Production"] | None = Field(
        None, description="stage that what a run saved is promoted to; null: it stays in Development"
    )
    gates: list[GateSettings] = Field(default_factory=list, description="conditions; all must be met")
    hooks: list[HookSettings] = Field(
        default_factory=list, description="what is called after a promotion, in this order"
    )


class ModelRegistrySettings(Section):
    backend: str = Field(
        "local",
        description="local: files and SQLite; mlflow: an MLflow server; none: no registry; or the name of "
        "one that an installed package adds",
    )
    path: str | None = Field(None, description="folder, for local; null: models/registry below dataDir")
    tracking_uri: str | None = Field(
        None, description="where MLflow keeps runs, for mlflow: http://HOST:PORT, or sqlite:///FILE"
    )
    registry_uri: str | None = Field(
        None, description="where MLflow keeps models, for mlflow; null: where it keeps runs"
    )
    save: SavePolicy = Field(
        SavePolicy.NONE, description="models that a run saves: none, that of the best candidate, or all"
    )
    model_limit_mb: int = Field(
        1024,
        ge=1,
        description="MB that the file of a fitted model may have; a candidate with a larger one keeps its "
        "result and is not saved",
    )
    promotion: PromotionSettings = Field(
        default_factory=PromotionSettings, description="what happens to a model that a run saved"
    )

    options: dict[str, Any] = Field(
        default_factory=dict, description="what a backend of an installed package wants to know"
    )

    @field_validator("backend")
    @classmethod
    def _is_known(cls, backend: str) -> str:
        known = [*BACKENDS, *added(Extends.REGISTRIES)]
        if backend not in known:
            raise ValueError(f"no backend has this name{nearest(backend, known)}; there are {listed(known)}")
        return backend

    @property
    def is_added(self) -> bool:
        """Whether its backend is that of an installed package."""
        return self.backend not in BACKENDS

    @model_validator(mode="after")
    def _knows_where(self) -> "ModelRegistrySettings":
        if self.options and not self.is_added:
            raise ValueError(f"the backend {self.backend} has no options")
        if self.backend == "mlflow" and not self.tracking_uri:
            raise ValueError(
                "backend mlflow needs trackingUri, such as http://localhost:5000 or sqlite:///data/mlflow.db"
            )
        return self
