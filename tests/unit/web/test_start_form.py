"""The form that starts a run beside the request that it writes."""

from pydantic.alias_generators import to_camel

from bakeoff.evaluation.planning.declared_run_options import DesignRequest, RunSpec
from bakeoff.web.routes.start_run_pages import DESIGN, GROUPS

#: They are of files and of what is saved, which the page has no boxes for.
ELSEWHERE = {"drop_unlabelled", "refit"}


def test_each_thing_that_a_run_does_or_does_not_is_a_box() -> None:
    choices = {name for name, field in RunSpec.model_fields.items() if field.annotation is bool}
    boxes = {one.name for fields in GROUPS.values() for one in fields if one.kind is bool}
    assert {to_camel(name) for name in choices - ELSEWHERE} <= boxes


def test_each_part_of_a_design_is_a_field() -> None:
    assert {one.name for one in DESIGN} == {to_camel(name) for name in DesignRequest.model_fields}
