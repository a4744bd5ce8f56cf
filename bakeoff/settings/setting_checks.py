"""Checks the settings as a whole. Of each wrong one, the error says where it stands, and what is right."""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.runs.model_saving import SavePolicy
from bakeoff.domain.wording import listed, nearest
from bakeoff.settings.environment_variables import did_you_mean, variable_of
from bakeoff.settings.market_settings import MarketSettings, TableSettings
from bakeoff.settings.registry_settings import (
    GateSettings,
    HookSettings,
    ModelRegistrySettings,
    PromotionSettings,
)
from bakeoff.settings.schedule_and_suite_settings import ScheduleSettings, SuiteDesignSettings, SuiteSettings
from bakeoff.settings.setting_definitions import DatasetSettings, Settings, TrackingSettings
from bakeoff.settings.yaml_with_lines import Section, YamlFile, key_path

#: What is typed to set it, where that is not its name.
OPTIONS: Mapping[str, str] = {
    "apiHost": "--host",
    "apiPort": "--port",
    "evalWorkers": "--eval-workers",
    "evaluationTimeout": "--timeout",
}

KEYS = {to_camel(name): name for name in Settings.model_fields}
_SECTIONS: Mapping[str, type[Section]] = {
    "market": MarketSettings,
    "prices": TableSettings,
    "fundamentals": TableSettings,
    "modelRegistry": ModelRegistrySettings,
    "tracking": TrackingSettings,
    "promotion": PromotionSettings,
    "gates": GateSettings,
    "hooks": HookSettings,
    "design": SuiteDesignSettings,
}
#: Sections whose entries have names that the user chose.
_NAMED: Mapping[str, type[Section]] = {
    "datasets": DatasetSettings,
    "schedules": ScheduleSettings,
    "suites": SuiteSettings,
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class SettingOrigin(StrEnum):
    """Where the value of a setting was found."""

    COMMAND_LINE = "command line"
    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


def checked_settings(
    values: dict[str, Any], origins: Mapping[str, SettingOrigin], document: YamlFile | None
) -> Settings:
    """Checks all settings. Problems of the file come first, in the order of lines, then those of others."""
    elsewhere: list[str] = []
    settings = Settings()
    try:
        settings = Settings.model_validate(values, by_alias=True, by_name=False)
    except ValidationError as exc:
        in_file = []
        for error in exc.errors():
            origin = origins.get(str(error["loc"][0]), SettingOrigin.FILE)
            if document is not None and origin is SettingOrigin.FILE:
                in_file.append(error)
            else:
                elsewhere.append(f"{_name_of(origin, error)}: {_explain(error)}")
        if document is not None:
            document.report_errors(in_file, lambda error, _: _explain(error))
    problems = [*(document.problems if document else ()), *elsewhere]
    if problems:
        raise InvalidInputError("\n".join(problems))
    return settings


def _name_of(origin: SettingOrigin, error: Any) -> str:
    key = str(error["loc"][0])
    if origin is SettingOrigin.ENVIRONMENT:
        return f"the environment ({variable_of(KEYS.get(key, ''))})"
    return f"{origin} ({OPTIONS[key]})" if key in OPTIONS else str(origin)


def _explain(error: Any) -> str:
    location = error["loc"]
    key = key_path(location)
    if error["type"] == "extra_forbidden":
        return f"{key} is no setting{did_you_mean(str(location[-1]), _keys_beside(list(map(str, location))))}"
    message = error["msg"].removeprefix("Value error, ")
    return f"{key} is {error['input']!r}: {message[0].lower()}{message[1:]}"


def _keys_beside(place: Sequence[str]) -> list[str]:
    """The keys that are known in the place of an unknown one."""
    if len(place) == 1:
        return list(KEYS)
    if len(place) == 3 and place[0] in _NAMED:  # noqa: PLR2004 - section, name, key
        section = _NAMED[place[0]]
    else:
        section = _SECTIONS[next(part for part in reversed(place[:-1]) if not part.isdecimal())]
    return [to_camel(name) for name in section.model_fields]


def check_named_sections(settings: Settings) -> None:
    """Schedules and suites, whose entries name datasets and depend on other sections."""
    _check_schedules(settings)
    _check_suites(settings)


def _check_schedules(settings: Settings) -> None:
    for name, schedule in settings.scheduled.items():
        _check_name("schedules", name)
        if schedule.signals and settings.market is None:
            raise InvalidInputError(
                f"schedules.{name} generates signals, and there is no `market`: say where prices come from"
            )
        if schedule.dataset is not None and schedule.dataset not in settings.datasets:
            raise InvalidInputError(f"schedules.{name}.dataset is {_no_dataset(schedule.dataset, settings)}")
        if schedule.saves and settings.model_registry.backend == "none":
            raise InvalidInputError(
                f"schedules.{name}.save is {schedule.save}, and modelRegistry.backend is none: save none, or "
                "set the backend"
            )


def _check_suites(settings: Settings) -> None:
    for name, suite in settings.suites.items():
        _check_name("suites", name)
        for dataset in suite.datasets:
            if dataset not in settings.datasets:
                raise InvalidInputError(f"suites.{name}.datasets has {_no_dataset(dataset, settings)}")
        if suite.save not in {None, SavePolicy.NONE} and settings.model_registry.backend == "none":
            raise InvalidInputError(
                f"suites.{name}.save is {suite.save}, and modelRegistry.backend is none: save none, or set "
                "the backend"
            )


def _check_name(section: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidInputError(
            f"{section} has the name {name!r:.120}: use up to 100 letters, digits, `.`, `_` and `-`"
        )


def _no_dataset(name: str, settings: Settings) -> str:
    known = list(settings.datasets)
    cure = nearest(name, known) or f"; there are {listed(sorted(known))}"
    return f"{name!r}, which is none of `datasets`{cure}"
