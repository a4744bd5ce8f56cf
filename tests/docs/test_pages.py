"""Every block of every page runs, in a fresh project, in the order of the page."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.reference import settings_reference
from registry.schema import KEYS as CATALOG_KEYS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_BLOCK = re.compile(
    r"^(?:<!-- quote: (?P<quote>\S+) -->\n)?```(?P<kind>\w+)(?P<attributes>[^\n]*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"\]\((?!https?:|#)(?P<target>[^)#]+)")


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
def project(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    for name in ("bakeoff.yaml", "models.yaml"):
        shutil.copy(ROOT / "config" / name, tmp_path / "config")
    return tmp_path


def run(command: list[str], folder: Path, stdin: str) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        command,
        cwd=folder,
        input=stdin,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, f"{stdin}\n--- said:\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_a_page_runs(page: Path, project: Path) -> None:
    for block in blocks_of(page):
        if block.quote:
            assert block.text == (ROOT / block.quote).read_text("utf-8")
        elif block.file:
            target = project / block.file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, "utf-8")
        elif block.kind == "sh" and not block.text.startswith("make "):
            run(["bash", "-euo", "pipefail", "-s"], project, block.text)
        elif block.kind == "python":
            run([sys.executable, "-"], project, block.text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_no_block_that_nobody_runs(page: Path) -> None:
    """`text` is for figures, output, and commands that stay in the foreground."""
    assert {block.kind for block in blocks_of(page)} <= {"sh", "python", "yaml", "text"}
    assert all(block.file for block in blocks_of(page) if block.kind == "yaml")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    targets = [match["target"] for match in _LINK.finditer(page.read_text("utf-8"))]
    assert [target for target in targets if not (page.parent / target).exists()] == []


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
    page = (ROOT / "docs" / "writing-a-model.md").read_text("utf-8")
    table = page.partition("## Keys of an entry")[2].partition("\n## ")[0]
    named = {
        name
        for row in table.splitlines()
        for name in re.findall(r"`(\w+)`", row.split("|")[1] if "|" in row else "")
    }
    assert named == set(CATALOG_KEYS)


def test_the_page_of_settings_is_what_the_settings_say() -> None:
    """`make docs` writes it anew."""
    assert (ROOT / "docs" / "configuration.md").read_text("utf-8") == settings_reference()
