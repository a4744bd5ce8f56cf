"""Finds model versions in MLflow, by the identifier of a caller or by filters."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bakeoff.domain.model_version import ModelUri, ModelVersion, Stage, parse_uri
from registry.models.mlflow import version_tags
from registry.models.mlflow.mlflow_calls import MLflowServer, NotThereError, from_mlflow, to_mlflow
from registry.models.mlflow.mlflow_client_types import MLflowVersion
from registry.models.mlflow.stage_log import StageLog, in_production, stages_of
from registry.models.registry_interface import Identifier, no_such_model

SHOWN = "production"  #: the alias that shows in MLflow which version is in Production; not one of the user's
_MANY = 25  #: from so many names on, one search for all names is faster than one request for each
_GREATEST_NUMBER = 2**31 - 1
_PLAIN = re.compile(r"[^'\"`\\\x00-\x1f]*")


@dataclass(frozen=True, kw_only=True)
class StagesAndAliases:
    """The stages and aliases of the versions of one name: what may change after a version was saved."""

    stages: Mapping[str, Stage] = field(default_factory=dict)  #: by version, where it was ever changed
    aliases: Mapping[int, tuple[str, ...]] = field(default_factory=dict)  #: by MLflow's number

    def of(self, version: ModelVersion) -> ModelVersion:
        """The version with its present stage and aliases."""
        stage = self.stages.get(version.version, Stage.DEVELOPMENT)
        return replace(version, stage=stage, aliases=self.aliases.get(version.serial, ()))


@dataclass(frozen=True)
class Finder:
    server: MLflowServer
    log: StageLog

    def find(self, identifier: Identifier) -> MLflowVersion:
        """NotFoundError for a version that does not exist, or that was not saved by this registry."""
        is_number = isinstance(identifier, int) or identifier.isdecimal()
        found = None if is_number else self._look_up(parse_uri(str(identifier)))
        if found is None or version_tags.VERSION not in found.tags:
            raise no_such_model(identifier, lambda name: any(self.search(name)))
        return found

    def _look_up(self, uri: ModelUri) -> MLflowVersion | None:
        if uri.run_id is not None:
            tags = {version_tags.RUN: uri.run_id, version_tags.CANDIDATE: uri.candidate_id}
            return next(self.search(None, tags), None)
        if uri.serial is not None:
            return self._numbered(uri.name, uri.serial)
        if uri.alias is not None:
            return self._by_alias(uri.name, uri.alias)
        if uri.stage is not None:
            return self._in_stage(uri.name, uri.stage)
        return next(self.search(uri.name, {version_tags.VERSION: uri.version}), None)

    def _in_stage(self, name: str, stage: Stage) -> MLflowVersion | None:
        """The newest version of the name that is in the stage."""
        stages = self.log.stages(name)
        if stage is Stage.PRODUCTION:
            there = in_production(stages)
            return None if there is None else next(self.search(name, {version_tags.VERSION: there}), None)
        return next(
            (
                found
                for found in self.search(name)
                if stages.get(found.tags[version_tags.VERSION], Stage.DEVELOPMENT) is stage
            ),
            None,
        )

    def _numbered(self, name: str, number: int) -> MLflowVersion | None:
        if not 0 < number <= _GREATEST_NUMBER:
            return None
        try:
            return self.server.call(lambda client: client.get_model_version(to_mlflow(name), str(number)))
        except NotThereError:
            return None

    def _by_alias(self, name: str, alias: str) -> MLflowVersion | None:
        numbers = self._aliases(name)
        return self._numbered(name, int(numbers[alias])) if alias in numbers else None

    def search(
        self, name: str | None, tags: Mapping[str, str | None] | None = None
    ) -> Iterator[MLflowVersion]:
        """Newest first, by the tags that this registry sets; a name or a value of None matches anything."""
        wanted = {key: value for key, value in (tags or {}).items() if value is not None}
        found = self.server.pages(
            lambda client, size, token: client.search_model_versions(
                _filter(name, wanted) or None,
                order_by=["creation_timestamp DESC", "version_number DESC"],
                max_results=size,
                page_token=token,
            )
        )
        return (one for one in found if _fits(one, name, wanted))

    def now(self, versions: Sequence[ModelVersion]) -> list[ModelVersion]:
        """The versions with their present stages and aliases."""
        names = {version.name for version in versions}
        many = self.standings() if len(names) > _MANY else {name: self.standing(name) for name in names}
        return [many.get(version.name, StagesAndAliases()).of(version) for version in versions]

    def standing(self, name: str) -> StagesAndAliases:
        return StagesAndAliases(stages=self.log.stages(name), aliases=_by_number(self._aliases(name)))

    def standings(self) -> dict[str, StagesAndAliases]:
        """The stages and aliases of all names, by name."""
        stages = {name: stages_of(entries) for name, entries in self.log.all_entries().items()}
        registered = self.server.pages(
            lambda client, size, token: client.search_registered_models(max_results=size, page_token=token)
        )
        aliases = {from_mlflow(model.name): _by_number(model.aliases) for model in registered}
        return {
            name: StagesAndAliases(stages=stages.get(name, {}), aliases=aliases.get(name, {}))
            for name in stages.keys() | aliases.keys()
        }

    def _aliases(self, name: str) -> Mapping[str, str | int]:
        """MLflow's numbers of versions, by alias."""
        try:
            return self.server.call(lambda client: client.get_registered_model(to_mlflow(name))).aliases
        except NotThereError:
            return {}


def _by_number(aliases: Mapping[str, str | int]) -> dict[int, tuple[str, ...]]:
    return {
        int(number): tuple(
            sorted(alias for alias, its in aliases.items() if its == number and alias != SHOWN)
        )
        for number in aliases.values()
    }


def _filter(name: str | None, wanted: Mapping[str, str]) -> str:
    """A search expression of MLflow, without values that its quoting cannot express: `_fits` checks all."""
    clauses = [] if name is None else [f"name = '{to_mlflow(name)}'"]
    clauses += [f"tags.`{key}` = '{value}'" for key, value in wanted.items() if _PLAIN.fullmatch(value)]
    return " AND ".join(clauses)


def _fits(found: MLflowVersion, name: str | None, wanted: Mapping[str, str]) -> bool:
    is_ours = version_tags.VERSION in found.tags and name in {None, from_mlflow(found.name)}
    return is_ours and wanted.items() <= found.tags.items()
