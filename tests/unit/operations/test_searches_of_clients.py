"""What a client may let candidates search: numbers, and nothing that could name a file or a class."""

from typing import Any

import pytest

from bakeoff.domain.errors import ForbiddenError
from bakeoff.evaluation.planning.declared_run_options import RunSpec
from bakeoff.operations.runs.client_rights_check import check_run_request
from bakeoff.settings.setting_definitions import ClientRight, DatasetSettings, Settings

SETTINGS = Settings(datasets={"iris": DatasetSettings(source="sklearn", name="iris")})


def check(values: Any) -> None:
    asked = RunSpec.model_validate({"dataset": "iris", "tune": {"svc": {"params": {"C": values}}}})
    check_run_request(asked, SETTINGS, set(ClientRight))


@pytest.mark.parametrize("values", [[1, 0.5, True, None], {"log_uniform": [0.01, 100]}])
def test_numbers_may_be_searched(values: Any) -> None:
    check(values)


@pytest.mark.parametrize("value", ["/etc/passwd", {"class": "os:system"}, [1, 2]])
def test_what_may_name_a_file_or_a_class_is_the_operators(value: Any) -> None:
    with pytest.raises(ForbiddenError, match="may search numbers, true, false and null alone") as refused:
        check([1, value])
    assert refused.value.field == "tune"
