"""Adds an entry to a section of a YAML file as text: comments, order and quotes of its author stay.

A new entry is put after the last one of its section, indented like it. A section in braces gets the entry
before its closing brace, and one that is absent or empty is begun.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from yaml import MappingNode, Node

from bakeoff.domain.errors import InvalidInputError
from bakeoff.settings.yaml_with_lines import YamlFile, describe, is_empty

_INDENT = 2


def with_entry(file: Path, section: str, name: str, entry: Mapping[str, Any]) -> str:
    """The text of the file with the entry in it. An error if its section has one of this name."""
    text = ""
    if file.is_file():
        document = YamlFile(file)
        text, root = document.text, document.root
        if root is not None and not isinstance(root, MappingNode):
            raise InvalidInputError(f"{file} must hold `key: value` lines, but it holds {describe(root)}")
        for key, value in root.value if root is not None else ():
            if key.value == section:
                return _into(document, key, value, name, entry)
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    return f"{text}{gap}{section}:\n{_block(name, entry, _INDENT)}"


def replace_text(file: Path, text: str) -> None:
    """Replaces the content at once: a reader, or a crash, sees the old text or the new one.

    What a symbolic link leads to is replaced, not the link, and the permissions stay.
    """
    place = file.resolve()
    place.parent.mkdir(parents=True, exist_ok=True)
    mode = place.stat().st_mode & 0o777 if place.exists() else 0o666 & ~_umask()
    descriptor, new = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        Path(new).chmod(mode)
        Path(new).replace(place)
    except BaseException:
        with suppress(OSError):
            Path(new).unlink()
        raise


def _into(document: YamlFile, key: Node, value: Node, name: str, entry: Mapping[str, Any]) -> str:
    text, file = document.text, document.file
    if is_empty(value):
        end = value.end_mark.index if value.start_mark.index != value.end_mark.index else key.end_mark.index
        rest = text[end:].removeprefix(":") if end == key.end_mark.index else text[end:]
        line, newline, below = rest.partition("\n")
        head = f"{text[: key.end_mark.index]}:{line}{newline or chr(10)}"
        return f"{head}{_block(name, entry, key.start_mark.column + _INDENT)}{below}"
    if not isinstance(value, MappingNode):
        raise InvalidInputError(
            f"{file}, line {value.start_mark.line + 1}: {key.value} is {describe(value)}, where names of "
            "entries are expected: mend that first"
        )
    for there, _ in value.value:
        if there.value == name:
            raise InvalidInputError(
                f"{key.value}.{name} is there already, {file}, line {there.start_mark.line + 1}: give "
                "another name, or change it there"
            )
    if value.flow_style:
        end = value.end_mark.index - 1
        comma = ", " if value.value else ""
        return f"{text[:end].rstrip()}{comma}{json.dumps(name)}: {json.dumps(dict(entry))}{text[end:]}"
    first, last = value.value[0][0], _last(value)
    # The mark of a plain value may lie before or after its line break: what is added begins a line.
    end = text.find("\n", max(0, last.end_mark.index - (text[last.end_mark.index - 1] == "\n")))
    head, below = (text[: end + 1], text[end + 1 :]) if end >= 0 else (f"{text}\n", "")
    return f"{head}{_block(name, entry, first.start_mark.column)}{below}"


def _last(node: Node) -> Node:
    """The scalar, or the value in brackets, that stands last: a block itself ends below its comments."""
    while not getattr(node, "flow_style", True):
        below = node.value[-1]
        node = below[1] if isinstance(node, MappingNode) else below
    return node


def _block(name: str, entry: Mapping[str, Any], indent: int) -> str:
    """The entry with one key a line; lists and mappings in it are short, and so in brackets."""
    lines = [f"{name}:", *(f"  {_line(key, value)}" for key, value in entry.items())]
    return "".join(f"{' ' * indent}{line}\n" for line in lines)


def _line(key: str, value: Any) -> str:
    written = yaml.safe_dump({key: value}, allow_unicode=True, default_flow_style=None, width=10**6)
    if written.startswith("{"):
        written = yaml.safe_dump({key: value}, allow_unicode=True, width=10**6)
    return written.rstrip("\n")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
