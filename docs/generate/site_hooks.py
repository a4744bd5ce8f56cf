"""What MkDocs does not know by itself: pages that are beside docs/, and blocks that name their file.

CHANGELOG, CONTRIBUTING, SECURITY and LICENSE stay at the top of the repository, where people look for them,
and are pages of the site all the same. Links between them and docs/ are written for the repository and
turned here.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

_ROOT = Path(__file__).parents[2]
_BESIDE = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE")
_LINK = re.compile(r"(\]\()(?!https?:|#|mailto:)([^)#\s]+)")
_FILE = re.compile(r"^(```\w+) file=(\S+)$", re.MULTILINE)


def on_files(files: Files, *, config: Any) -> Files:
    for name in _BESIDE:
        text = (_ROOT / name).read_text("utf-8")
        if name == "LICENSE":
            text = f"# License\n\n```text\n{text}```\n"
        files.append(File.generated(config, _page(name), content=text))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Links of the repository become links of the site; the file of a block becomes its title."""
    here = page.file.src_uri
    beside = here in map(_page, _BESIDE)

    def turned(match: re.Match[str]) -> str:
        folder = "" if beside else posixpath.join("docs", posixpath.dirname(here))
        target = posixpath.normpath(posixpath.join(folder, match[2]))
        if target in _BESIDE:
            target = posixpath.join("docs", _page(target))
        elif match[2].endswith("/"):
            target = posixpath.join(target, "README.md")
        if not target.startswith("docs/"):
            return match[0]
        return match[1] + posixpath.relpath(target, posixpath.join("docs", posixpath.dirname(here)))

    return _LINK.sub(turned, _FILE.sub(r'\1 title="\2"', markdown))


def _page(name: str) -> str:
    return name if name.endswith(".md") else f"{name}.md"
