"""On what a fit is made: the commit of the project, the processor. Cheap, for it is part of each job."""

import platform
from contextlib import suppress
from functools import cache
from pathlib import Path


def commit_of(folder: Path) -> str | None:
    """Of the git checkout that the folder lies in. Read from its files, as git takes its time."""
    for above in (folder, *folder.parents):
        with suppress(OSError, IndexError):
            return _commit(_git_folder(above / ".git"))
    return None


def _git_folder(place: Path) -> Path:
    """A worktree has a file there, which says where its folder is."""
    if place.is_dir():
        return place
    return place.parent / place.read_text("utf-8").split("gitdir: ")[1].strip()


def _commit(git: Path) -> str | None:
    head = (git / "HEAD").read_text("utf-8").strip()
    if not head.startswith("ref: "):
        return head
    name = head.removeprefix("ref: ")
    common = git
    with suppress(OSError):
        common = git / (git / "commondir").read_text("utf-8").strip()
    with suppress(OSError):
        return (common / name).read_text("utf-8").strip()
    packed = (common / "packed-refs").read_text("utf-8").splitlines()
    return next(line.split()[0] for line in packed if line.endswith(f" {name}"))


@cache
def processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
