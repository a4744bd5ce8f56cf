"""Hooks are real processes: what they are given, and what their failure does not undo."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fixtures.projects.kitchen import eventually, is_alive
from fixtures.values.memory_registry import InMemoryRegistry

from bakeoff.domain.model_version import Promotion, Stage, VersionOrigin
from bakeoff.settings.registry_settings import PromotionSettings
from registry.models.promotion import promote, rollback

KEEPER = """
import json, os, sys

def keep(promotion):
    with open("kept.json", "w") as file:
        json.dump([promotion.uri, str(promotion.to_stage), promotion.by, os.getcwd()], file)

def fail(promotion):
    raise ValueError("no luck")

def crash(promotion):
    os.abort()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "hooks_of_a_test.py").write_text(KEEPER)
    return tmp_path


@pytest.fixture
def registry() -> InMemoryRegistry:
    registry = InMemoryRegistry()
    for _ in range(2):
        registry.save_model(object(), "churn", metrics={"f1": 0.5}, origin=VersionOrigin(run_id="r1"))
    registry.transition_model_stage("churn/1.0.0", Stage.PRODUCTION)
    return registry


def promoted(registry: InMemoryRegistry, root: Path, *hooks: dict[str, Any]) -> Promotion:
    policy = PromotionSettings.model_validate({"hooks": list(hooks)})
    return promote(registry, "churn/1.0.1", policy=policy, root=root, by="ada", reason="spring")


def script(text: str) -> dict[str, Any]:
    return {"command": [sys.executable, "-c", text]}


def reasons(line: Promotion) -> list[str]:
    return [said["reason"] for said in line.evidence["hooks"]]


def test_a_command_gets_the_promotion_on_its_input_and_the_ids_in_its_environment(registry, root) -> None:
    keep = (
        "import json, os, sys; given = json.load(sys.stdin)\n"
        "ids = {name: text for name, text in os.environ.items() if name.startswith('PROMOTION_')}\n"
        "json.dump([given, ids, os.getcwd()], open('kept.json', 'w'))"
    )
    line = promoted(registry, root, script(keep))

    given, ids, where = json.loads((root / "kept.json").read_text())
    assert Promotion.from_record(given).version == "1.0.1"
    assert (given["replaced"], given["by"], given["reason"]) == ("1.0.0", "ada", "spring")
    assert given["evidence"]["metrics"] == {"f1": 0.5}
    assert ids == {
        "PROMOTION_MODEL": "churn",
        "PROMOTION_VERSION": "1.0.1",
        "PROMOTION_URI": "models:/churn/1.0.1",
        "PROMOTION_STAGE": "Production",
        "PROMOTION_REPLACED": "1.0.0",
        "PROMOTION_RUN": "r1",
    }
    assert where == str(root)
    assert line.evidence["hooks"][0]["passed"] is True


@pytest.mark.parametrize("module", ["hooks_of_a_test", "tasks"])
def test_a_function_is_called_with_the_promotion_from_the_folder_of_the_project(
    registry, root, module
) -> None:
    (root / "hooks_of_a_test.py").rename(root / f"{module}.py")
    promoted(registry, root, {"python": f"{module}:keep"})

    assert json.loads((root / "kept.json").read_text()) == [
        "models:/churn/1.0.1",
        "Production",
        "ada",
        str(root),
    ]


def test_a_command_is_no_shell(registry, root) -> None:
    promoted(registry, root, {"command": ["touch", "$HOME; rm x"]})

    assert (root / "$HOME; rm x").exists()


@pytest.mark.parametrize(
    ("hook", "reason"),
    [
        (script("import sys; print('one', flush=True); sys.exit('two')"), "it ended with exit code 1: two"),
        (script("import os; os.kill(os.getpid(), 9)"), "it ended with signal 9"),
        ({"command": ["./not-there"]}, "it cannot be started: "),
        ({"python": "hooks_of_a_test:fail"}, "it ended with exit code 1: ValueError: no luck"),
        ({"python": "hooks_of_a_test:crash"}, "it ended with signal 6"),
        ({"python": "hooks_of_a_test:nobody"}, "it ended with exit code 1: AttributeError: "),
        ({"python": "nowhere:keep"}, "it ended with exit code 1: ModuleNotFoundError: "),
    ],
)
def test_a_failure_is_recorded_and_undoes_nothing_and_the_next_hook_is_told(
    registry, root, caplog, hook, reason
) -> None:
    line = promoted(registry, root, hook, {"python": "hooks_of_a_test:keep"})

    assert reasons(line)[0].startswith(reason)
    assert [said["passed"] for said in line.evidence["hooks"]] == [False, True]
    assert registry.get("churn/1.0.1").stage is Stage.PRODUCTION
    assert (root / "kept.json").exists()
    assert reason in caplog.text


def test_what_hooks_said_is_a_line_of_the_log_of_its_own(registry, root) -> None:
    promoted(registry, root, script("raise SystemExit(3)"))

    told, line, _ = registry.history("churn")
    assert "hooks" not in line.evidence
    assert (told.version, told.moved, told.by) == ("1.0.1", False, "ada")
    assert [said["reason"] for said in told.evidence["hooks"]] == ["it ended with exit code 3"]


def test_a_hook_that_takes_too_long_is_ended_with_all_that_it_started(registry, root) -> None:
    slow = (
        "import pathlib, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "pathlib.Path('child').write_text(str(child.pid)); child.wait()"
    )
    began = time.monotonic()
    line = promoted(registry, root, {**script(slow), "timeout": 3})

    assert reasons(line) == ["it took longer than 3 seconds"]
    assert time.monotonic() - began < 30
    assert eventually(lambda: not is_alive(int((root / "child").read_text())))


def test_a_hook_that_leaves_somebody_behind_is_not_waited_for(registry, root) -> None:
    leave = (
        "import subprocess, sys\n"
        "asleep = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        "child = subprocess.Popen(asleep, start_new_session=True)\n"
        "open('child', 'w').write(str(child.pid))"
    )
    line = promoted(registry, root, {**script(leave), "timeout": 30})
    os.kill(int((root / "child").read_text()), 9)

    assert reasons(line) == [""]


def test_a_rollback_is_told_as_well(registry, root) -> None:
    promoted(registry, root)
    policy = PromotionSettings.model_validate({"hooks": [{"python": "hooks_of_a_test:keep"}]})
    rollback(registry, "churn", policy=policy, root=root)

    assert json.loads((root / "kept.json").read_text())[0] == "models:/churn/1.0.0"


def test_a_refused_promotion_is_told_to_nobody(registry, root) -> None:
    gates = [{"metric": "f1", "min": 0.9}]
    policy = PromotionSettings.model_validate({"gates": gates, "hooks": [{"python": "hooks_of_a_test:keep"}]})
    with pytest.raises(Exception, match="was not promoted"):
        promote(registry, "churn/1.0.1", policy=policy, root=root)

    assert not (root / "kept.json").exists()
