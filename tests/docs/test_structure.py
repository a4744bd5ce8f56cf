"""What the pages say of the tree, of each other and of the project's files is so."""

import ast
import os
import pkgutil
import re
import subprocess
import sys
import tomllib
from collections import Counter
from itertools import count
from pathlib import Path

import pytest
import yaml
from fixtures.places import ROOT
from fixtures.projects.command_line import Project, a_mixed_run

DOCS = ROOT / "docs"
ARCHITECTURE = (DOCS / "architecture.md").read_text("utf-8")
ROOMS = ("bakeoff", "models", "registry", "tasks")


def section(title: str) -> str:
    return ARCHITECTURE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def figure(title: str) -> list[str]:
    return re.findall(r"^```text\n(.*?)^```$", section(title), re.MULTILINE | re.DOTALL)[0].splitlines()


def test_the_tree_names_every_package_and_no_folder_that_is_not_there() -> None:
    named = [line.split("/ ")[0] for line in figure("Folders")]
    packages = {
        str(init.parent.relative_to(ROOT)) for room in ROOMS for init in (ROOT / room).rglob("__init__.py")
    }

    assert [folder for folder in named if not (ROOT / folder).is_dir()] == []
    assert packages - set(named) == set()
    assert len(named) == len(set(named))


def test_a_module_has_at_most_four_hundred_lines() -> None:
    modules = [file for room in ROOMS for file in (ROOT / room).rglob("*.py") if file.stem != "__init__"]
    lines = {str(file.relative_to(ROOT)): len(file.read_text("utf-8").splitlines()) for file in modules}

    assert {name for name, number in lines.items() if number > 400} == set()


@pytest.mark.parametrize("top", [*ROOMS, "benchmarks", "docs", "tests"])
def test_a_folder_has_at_most_sixteen_modules(top: str) -> None:
    """Except that of the migrations, which are a sequence."""
    modules = [file for file in (ROOT / top).rglob("*.py") if file.stem != "__init__"]
    held = Counter(str(file.parent.relative_to(ROOT)) for file in modules)

    assert held
    assert {folder for folder, number in held.items() if number > 16} == set()


def test_no_name_of_a_module_or_a_class_is_given_twice() -> None:
    files = [file for room in ROOMS for file in (ROOT / room).rglob("*.py") if file.stem != "__init__"]
    modules = Counter(file.stem for file in files)
    classes = Counter(
        node.name
        for file in files
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef)
    )

    assert len(classes) > 500
    assert {name for name, number in (modules + classes).items() if number > 1} == set()


def test_each_folder_of_the_tree_has_a_line() -> None:
    assert [line for line in figure("Folders") if not re.fullmatch(r"[\w/]+/ +\S.*", line)] == []


def test_the_floors_are_those_that_are_checked() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")

    assert [re.split(r" {2,}", line)[0] for line in figure("Floors")] == layers


PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_file_of_ours_that_a_page_names_is_there(page: Path) -> None:
    named = re.findall(
        r"`((?:bakeoff|tasks|registry|tests|migrations|benchmarks|docs)/[\w./-]*(?:\.\w+|/))`",
        page.read_text("utf-8"),
    )
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def is_there(name: str) -> bool:
    """Whether a dotted name is a module of ours, or can be reached in one."""
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


#: Of three parts at least: those of two are also names of tasks, of tags and of entry points.
DOTTED = re.compile(r"`((?:bakeoff|tasks|registry)(?:\.\w+){2,})")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_name_of_ours_that_a_page_gives_with_its_module_is_there(page: Path) -> None:
    assert sorted(name for name in set(DOTTED.findall(page.read_text("utf-8"))) if not is_there(name)) == []


def test_what_a_docstring_refers_to_is_there() -> None:
    """As in "see `queue_order`": a module, a function, a class or an attribute that still has this name."""
    known: set[str] = set()
    referred: list[tuple[str, str]] = []
    for file in (file for room in ROOMS for file in (ROOT / room).rglob("*.py")):
        known |= {file.stem, file.parent.name}
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            known |= {getattr(node, field) for field in ("name", "id", "attr", "arg") if hasattr(node, field)}
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                said = ast.get_docstring(node) or ""
                referred += [(file.name, name) for name in re.findall(r"see `([\w.]+)`", said)]
                referred += [(file.name, name) for name in DOTTED.findall(said) if not is_there(name)]

    assert len(referred) > 5
    assert [(file, name) for file, name in referred if name.rpartition(".")[2] not in known] == []


def test_decisions_carry_their_own_numbers_and_dates_and_are_listed() -> None:
    files = sorted((DOCS / "decisions").glob("0*.md"))
    listed = (DOCS / "decisions" / "README.md").read_text("utf-8")
    for number, file in zip(count(1), files, strict=False):
        title, _, rest = file.read_text("utf-8").partition("\n\n")
        assert file.name.startswith(f"{number:04}-"), file.name
        assert re.fullmatch(rf"# {number}\. .+", title), file.name
        assert re.match(r"20\d\d-\d\d-\d\d\.", rest), file.name
        assert f"| [{number}]({file.name}) | {title.partition('. ')[2]} |" in listed


def test_the_page_of_commands_is_what_their_help_says(tmp_path: Path) -> None:
    """`make docs` writes it anew."""
    page = tmp_path / "commands.md"
    subprocess.run([sys.executable, DOCS / "generate" / "commands.py", page], cwd=ROOT, check=True)
    assert (DOCS / "reference" / "commands.md").read_text("utf-8") == page.read_text("utf-8")


def texts_of_the_code() -> str:
    """Every text of the sources, also where it is a part of a longer one."""
    trees = (ast.parse(file.read_text("utf-8")) for room in ROOMS for file in (ROOT / room).rglob("*.py"))
    constants = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return "\n".join(constant.value for constant in constants if isinstance(constant.value, str))


def test_each_message_that_the_page_on_troubles_quotes_is_in_the_code() -> None:
    page = (DOCS / "troubleshooting.md").read_text("utf-8")
    heads = "\n".join(re.findall(r"^### (.+)$", page, re.MULTILINE))
    parts = {part.strip() for quoted in re.findall(r"`([^`]+)`", heads) for part in quoted.split("…")}
    code = texts_of_the_code()

    assert len(parts) > 20
    assert sorted(part for part in parts if part and part not in code) == []


def test_every_page_is_in_the_navigation_of_the_site_or_is_a_decision() -> None:
    text = (ROOT / "mkdocs.yml").read_text("utf-8")
    named = set(re.findall(r"\S+\.md$", text.partition("\nnav:")[2], re.MULTILINE))
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}

    assert pages - named == {f"decisions/{page.name}" for page in (DOCS / "decisions").glob("0*.md")}
    assert named - pages == {"CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE.md"}


def test_public_ci_does_what_the_script_does() -> None:
    steps = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
    matrix = steps["jobs"]["step"]["strategy"]["matrix"]["step"]
    script = (ROOT / ".ci" / "run").read_text("utf-8")

    done = re.findall(r"^make ([\w-]+(?: SERVICES=yes)?)", script, re.MULTILINE)
    assert {"setup", "test SERVICES=yes"} <= set(done)
    assert set(matrix) == {*done, "test", "test-services"} - {"setup", "test SERVICES=yes"}


def test_hooks_before_a_commit_call_the_tools_of_the_project() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    assert [repository["repo"] for repository in hooks["repos"]] == ["local"]
    assert all(hook["entry"].startswith(".venv/bin/") for hook in hooks["repos"][0]["hooks"])


@pytest.mark.parametrize("field", ["license", "license-files", "classifiers"])
def test_the_metadata_declare_the_license(field: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert {
        "license": project["license"] == "Apache-2.0",
        "license-files": project["license-files"] == ["LICENSE"],
        "classifiers": "Programming Language :: Python :: 3.11" in project["classifiers"],
    }[field]


def test_every_name_of_ours_that_a_page_imports_is_on_the_page_of_public_names() -> None:
    directives = re.findall(
        r"^::: (\S+)(?:\n +options:\n +members: \[(.+)\])?",
        (DOCS / "reference" / "python.md").read_text("utf-8"),
        re.MULTILINE,
    )
    public = {
        f"{name}.{member}" if member else name
        for name, members in directives
        for member in (members.split(", ") if members else [""])
    }
    imported = {
        f"{module}.{name}"
        for page in DOCS.rglob("*.md")
        for module, names in re.findall(
            r"^from ((?:bakeoff|registry|tasks)\S*) import (.+)$", page.read_text("utf-8"), re.MULTILINE
        )
        for name in names.split(", ")
    }
    assert imported
    assert imported - public == set()


def test_the_picture_of_a_leaderboard_can_be_drawn_anew(project: Project, tmp_path: Path) -> None:
    """`make docs` draws it."""
    a_mixed_run(project)
    picture = tmp_path / "leaderboard.svg"
    program = DOCS / "generate" / "leaderboard.py"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, program, picture], cwd=project.root, env=environment, check=True)
    assert "forest" in picture.read_text("utf-8")
