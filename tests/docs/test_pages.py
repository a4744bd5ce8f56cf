"""Every block of every page runs, in a fresh project, in the order of the page."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from fixtures.places import ROOT
from fixtures.servers import warm
from fixtures.servers.environments import celery_alone

from bakeoff.api.app import create_app
from bakeoff.api.routes.metrics_routes import exposition
from bakeoff.api.security.request_guard import PUBLIC
from bakeoff.api.security.tokens import Tokens
from bakeoff.cli.output.settings_markdown import settings_reference
from bakeoff.domain.event import EventType
from bakeoff.domain.ids_and_times import utc_now
from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.run import RunState
from bakeoff.events.event_stream import SCHEMA
from bakeoff.operations.context import Context
from bakeoff.settings.configuration import load
from bakeoff.store.bakeoffs.queue.claims import Caps
from bakeoff.store.monitoring.metric_counts import BOUNDS_S, Durations, MetricCounts
from bakeoff.worker.temporary.worker_for_command_run import TemporaryWorker
from registry.catalog.models_yaml_schema import KEYS as CATALOG_KEYS

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
BESIDE = [ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")]

NONE = MetricCounts(
    runs=dict.fromkeys(RunState, 0),
    jobs=dict.fromkeys(JobState, 0),
    oldest_queued_at=None,
    silent=0,
    repeated=0,
    reused=0,
    durations=Durations(within=[0] * len(BOUNDS_S), number=0, sum_s=0.0),
    unpublished=0,
    at=utc_now(),
)

_BLOCK = re.compile(
    r"^(?:<!-- quote: (?P<quote>\S+) -->\n)?```(?P<kind>\w+)(?P<attributes>[^\n]*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"\]\((?!https?:|#)(?P<target>[^)#]+)")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).with_suffix("").as_posix()


@dataclass(frozen=True)
class Block:
    kind: str
    text: str
    file: str | None
    quote: str | None


def blocks_of(page: Path) -> list[Block]:
    found = []
    for match in _BLOCK.finditer(page.read_text("utf-8")):
        file = re.search(r"file=(\S+)", match["attributes"])
        found.append(Block(match["kind"], match["text"], file[1] if file else None, match["quote"]))
    return found


@pytest.fixture
def project(page: Path, tmp_path: Path) -> Iterator[Path]:
    """Like a checkout; empty for the tutorial, which begins with nothing."""
    if page.stem != "tutorial":
        (tmp_path / "config").mkdir()
        for name in ("bakeoff.yaml", "models.yaml"):
            shutil.copy(ROOT / "config" / name, tmp_path / "config")
    yield tmp_path
    for left in tmp_path.glob("*.pid"):  # of a block that stays, on a page that did not come to its end
        with suppress(ProcessLookupError):
            os.kill(int(left.read_text()), signal.SIGTERM)
    for workers in tmp_path.rglob("workers"):
        for worker in TemporaryWorker.all_of(workers.parent):
            worker.stop()


@pytest.fixture
def port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


def run(command: list[str], folder: Path, stdin: str, port: str, tools: Sequence[Path] = ()) -> None:
    """`tools` come before those of the project."""
    path = os.pathsep.join(map(str, [*tools, Path(sys.executable).parent, os.environ["PATH"]]))
    done = warm.run(
        command,
        cwd=folder,
        input=stdin,
        env={
            **os.environ,
            "PATH": path,
            "BAKEOFF_API_PORT": port,
            "BAKEOFF_KEEP_WORKER": "100",
            "XDG_CACHE_HOME": str(folder / ".cache"),
        },
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, f"{command[-1]}{stdin}\n--- said:\n{done.stdout}{done.stderr}"


@pytest.fixture
def tools(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Path]]:
    """`bakeoff`, which starts sooner here; a page that speaks to others is read with what they have."""
    theirs = [celery_alone(tmp_path_factory.mktemp("theirs"))] if page.stem == "enqueueing" else []
    ours = tmp_path_factory.mktemp("ours")
    with warm.command_in(ours):
        yield [*theirs, ours]


@pytest.mark.timeout(300)  # the tutorial has six bake-offs
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_of_a_page_runs(page: Path, project: Path, port: str, tools: Sequence[Path]) -> None:
    """On a port that nobody else has, whatever the page says."""
    for block in blocks_of(page):
        text = block.text.replace("8484", port)
        if block.quote:
            assert block.text == (ROOT / block.quote).read_text("utf-8")
        elif block.file:
            target = project / block.file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, "utf-8")
        elif block.kind == "sh" and not block.text.startswith("make "):
            run(["bash", "-euo", "pipefail", "-s"], project, text, port, tools)
        elif block.kind == "python":
            run([sys.executable, "-c", text], project, "", port)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_has_no_block_that_nobody_runs(page: Path) -> None:
    """`text` is for figures, output, and commands that stay in the foreground."""
    assert {block.kind for block in blocks_of(page)} <= {"sh", "python", "yaml", "text"}
    assert all(block.file for block in blocks_of(page) if block.kind == "yaml")


@pytest.mark.parametrize("page", [*PAGES, *BESIDE], ids=name_of)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    targets = [match["target"] for match in _LINK.finditer(page.read_text("utf-8"))]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_environment_of_another_service_holds_celery_and_nothing_of_ours(tmp_path: Path) -> None:
    python = celery_alone(tmp_path) / "python"

    def knows(name: str) -> bool:
        asked = [python, "-I", "-c", f"import {name}"]
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0

    names = ("celery", "redis", "numpy", "sqlalchemy", "fastapi", "tasks", "domain")
    assert list(filter(knows, names)) == ["celery", "redis"]


def test_every_make_target_that_the_readme_names_exists() -> None:
    named = {
        line.split()[1]
        for block in blocks_of(ROOT / "README.md")
        for line in block.text.splitlines()
        if line.startswith("make ")
    }
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert named == {"demo", "test"}
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in named)


def test_the_page_on_models_names_each_key_of_the_catalog() -> None:
    page = (DOCS / "guide" / "writing-a-model.md").read_text("utf-8")
    table = page.partition("## Keys of an entry")[2].partition("\n## ")[0]
    named = {
        name
        for row in table.splitlines()
        for name in re.findall(r"`(\w+)`", row.split("|")[1] if "|" in row else "")
    }
    assert named == set(CATALOG_KEYS)


def test_the_page_on_the_api_names_each_route_and_each_figure() -> None:
    page = (DOCS / "reference" / "api.md").read_text("utf-8")
    app = create_app(
        Context(load(ROOT / "config" / "bakeoff.yaml", environment={})), Tokens(Path("/nowhere"))
    )
    paths = app.openapi()["paths"]
    routes = {f"{method.upper()} {path}" for path, known in paths.items() for method in known}
    named = dict(re.findall(r"^\| `([A-Z]+ \S+)` \| (\w+) \|", page, re.MULTILINE))

    assert set(named) == routes | {"GET /openapi.json"}
    assert {route.split()[1] for route, role in named.items() if role == "nobody"} == set(PUBLIC)
    figures = exposition(NONE, Caps(per_node=1, overall=1))
    assert set(re.findall(r"`(bakeoff_\w+)`", page)) == set(
        re.findall(r"^# TYPE (\w+)", figures, re.MULTILINE)
    )


def test_alarms_and_dashboard_ask_for_figures_that_there_are_and_the_page_says_what_each_alarm_means() -> (
    None
):
    monitoring = DOCS / "operating" / "monitoring"
    text = exposition(NONE, Caps(per_node=1, overall=1))
    alarms = yaml.safe_load((monitoring / "alarms.yaml").read_text("utf-8"))["groups"][0]["rules"]
    panels = json.loads((monitoring / "grafana.json").read_text("utf-8"))["panels"]
    asked = [alarm["expr"] for alarm in alarms]
    asked += [target["expr"] for panel in panels for target in panel["targets"]]
    samples = set(re.findall(r"^(bakeoff_\w+)", text, re.MULTILINE))
    page = (DOCS / "operating" / "on-call.md").read_text("utf-8")

    assert {name for query in asked for name in re.findall(r"bakeoff_\w+", query)} <= samples
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == [alarm["alert"] for alarm in alarms]


def test_the_page_on_events_names_each_type_and_each_field() -> None:
    page = (DOCS / "reference" / "events.md").read_text("utf-8")
    schema = json.loads(SCHEMA.read_text("utf-8"))
    shapes = [schema["$defs"][name]["properties"] for name in ("evaluation", "record", "failure", "end")]
    error = schema["$defs"]["failure"]["properties"]["error"]["properties"]
    named = set(re.findall(r"`([\w.]+)`", page.partition("## The envelope")[0]))

    assert {*EventType, *error}.union(*shapes) <= named
    assert re.findall(r"^(\w+)  ", page.partition("## The envelope")[2], re.MULTILINE) == list(
        schema["properties"]
    )


def test_the_page_of_settings_is_what_the_settings_say() -> None:
    """`make docs` writes it anew."""
    assert (DOCS / "reference" / "configuration.md").read_text("utf-8") == settings_reference()
