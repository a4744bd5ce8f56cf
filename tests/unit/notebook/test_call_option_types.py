import inspect

from bakeoff.evaluation.planning.declared_run_options import RunSpec
from bakeoff.evaluation.planning.split_design_request import DesignRequest
from bakeoff.notebook import start_bakeoff
from bakeoff.notebook.call_option_types import CompareOptions, ProjectOptions
from bakeoff.notebook.compare_call import compare
from bakeoff.notebook.configured_project import Project

#: What Python gives in another way: as the arguments X, y and candidates, or by the parts of the design.
ELSEWHERE = {"dataset", "target", "models", "design"}
OF_PYTHON = {"task", "timeout", "memory_mb", "progress", "on_interrupt"}
COLUMNS = {"group": "groups", "time": "time", "weight": "weights"}


def test_every_option_of_a_run_has_a_type_for_python() -> None:
    design = {COLUMNS.get(name, name) for name in DesignRequest.model_fields}
    of_run = (set(RunSpec.model_fields) - ELSEWHERE) | design | OF_PYTHON

    assert set(CompareOptions.__annotations__) == of_run | {"workers"}
    assert set(ProjectOptions.__annotations__) == of_run | {"models"}


def test_every_part_of_a_design_is_passed_on() -> None:
    assert set(start_bakeoff.DESIGN) | set(COLUMNS) == set(DesignRequest.model_fields)
    assert {column: key for key, column in COLUMNS.items()} == start_bakeoff.COLUMNS


def test_the_options_that_are_named_in_the_signatures_have_types() -> None:
    for call, options in ((compare, CompareOptions), (Project.run, ProjectOptions)):
        named = set(inspect.signature(call).parameters)
        own = {"self", "candidates", "X", "y", "dataset", "wait", "options"}
        assert named - own <= set(options.__annotations__)
