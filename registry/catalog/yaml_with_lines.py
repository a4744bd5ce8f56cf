"""A YAML document that knows the line of everything in it and collects what is wrong with it."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

from bakeoff.domain.errors import InvalidInputError

_TAG = "tag:yaml.org,2002:"


class CatalogError(InvalidInputError):
    """The catalog file cannot be used; each line of the message names a file, a line, and what to mend."""


class _Loader(yaml.SafeLoader):
    """Reads 1e-3 as a number, as YAML 1.2 and its authors do; YAML 1.1 asks for 1.0e-3."""


_Loader.add_implicit_resolver(
    _TAG + "float",
    re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


class Document:
    """Places are said as the author wrote them: `models.forest.params.max_depth`."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._problems: list[tuple[int, str]] = []
        self._loader, self.root = _composed(file)
        self._tidy()

    def report(self, node: Node, said: str) -> None:
        self._problems.append((node.start_mark.line + 1, said))

    def raise_problems(self) -> None:
        """All of them in one error, in the order of their lines."""
        if self._problems:
            lines = [f"{self.file}, line {line}: {said}" for line, said in sorted(self._problems)]
            raise CatalogError("\n".join(lines))

    def entries(self, node: Node, place: str) -> Mapping[str, tuple[ScalarNode, Node]]:
        """The keys of a mapping as they are written, each with its own node and that of its value."""
        if not isinstance(node, MappingNode):
            self.report(node, f"{place} is {describe(node)}, where `key: value` lines are expected")
            return {}
        return {key.value: (key, value) for key, value in node.value if isinstance(key, ScalarNode)}

    def plain(self, node: Node, place: str) -> Any:
        """As JSON can say it; a mapping with keys that are no text becomes {pairs: [[key, value]]}."""
        return self._plain(node, place, ())

    def _plain(self, node: Node, place: str, above: tuple[Node, ...]) -> Any:
        if node in above:
            self.report(node, f"{place} contains itself")
            return None
        above = (*above, node)
        if isinstance(node, SequenceNode) and node.tag == _TAG + "seq":
            return [self._plain(item, f"{place}[{i}]", above) for i, item in enumerate(node.value)]
        if isinstance(node, MappingNode) and node.tag == _TAG + "map":
            pairs = [
                (self._scalar(key, place), self._plain(value, f"{place}.{key.value}", above))
                for key, value in node.value
            ]
            if all(isinstance(key, str) for key, _ in pairs):
                return dict(pairs)
            return {"pairs": [[key, value] for key, value in pairs]}
        return self._scalar(node, place)

    def _scalar(self, node: Node, place: str) -> str | int | float | bool | None:
        value = self._construct(node)
        if isinstance(value, float) and not math.isfinite(value):
            self.report(
                node, f"{place} is {node.value}, which JSON cannot store: set it in a class of your own"
            )
        elif value is None or isinstance(value, (str, int, float)):
            return value
        else:
            self.report(node, f"{place} is {describe(node)}: for text, write it in quotes")
        return None

    def _construct(self, node: Node) -> Any:
        if not isinstance(node, ScalarNode):
            return node
        try:
            return self._loader.construct_object(node)
        except (yaml.YAMLError, ValueError):
            return node

    def _tidy(self) -> None:
        """Reports keys that are given twice, then puts in what `<<` brings: once for each node."""
        todo, seen = [self.root], set[int]()
        while todo:
            node = todo.pop()
            if id(node) in seen or isinstance(node, ScalarNode):
                continue
            seen.add(id(node))
            if isinstance(node, MappingNode):
                self._report_twins(node)
                self._merge(node)
                todo.extend(value for _, value in node.value)
            else:
                todo.extend(node.value)

    def _report_twins(self, node: MappingNode) -> None:
        first: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, ScalarNode):
                self.report(key, f"the key is {describe(key)}: a key is one word")
                continue
            line = key.start_mark.line + 1
            if key.value in first:
                self.report(
                    key, f"{key.value!r} is given twice, first in line {first[key.value]}: remove one"
                )
            first.setdefault(key.value, line)

    def _merge(self, node: MappingNode) -> None:
        try:
            self._loader.flatten_mapping(node)
        except yaml.MarkedYAMLError as exc:
            self.report(node, f"`<<` must name a mapping: {exc.problem}")


def describe(node: Node) -> str:
    """What a value is, in the words of somebody who writes YAML."""
    kind = node.tag.removeprefix(_TAG)
    if kind not in _IN_WORDS:
        return f"of type {kind}"
    shown = f" {node.value!r}" if isinstance(node, ScalarNode) and kind != "null" else ""
    return _IN_WORDS[kind] + shown


_IN_WORDS = {
    "seq": "a list",
    "map": "a mapping",
    "null": "empty",
    "str": "the text",
    "int": "the number",
    "float": "the number",
    "bool": "the value",
    "timestamp": "the date",
}


def _composed(file: Path) -> tuple[_Loader, MappingNode]:
    text = _text_of(file)
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as exc:
        line = f", line {exc.problem_mark.line + 1}" if exc.problem_mark else ""
        raise CatalogError(f"{file}{line} is not YAML: {exc.problem}; mend its syntax") from exc
    except (yaml.YAMLError, RecursionError) as exc:
        raise CatalogError(f"{file} is not YAML: {str(exc).splitlines()[0]}; mend its syntax") from exc
    if not isinstance(node, MappingNode):
        found = describe(node) if node else "nothing"
        raise CatalogError(f"{file} must hold a mapping with the key `models`, but it holds {found}")
    return loader, node


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError as exc:
        raise CatalogError(
            f"there is no catalog file {file}: write one, or make the shipped one with `bakeoff init`"
        ) from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise CatalogError(f"{file} cannot be read: {exc}; make it a UTF-8 file that you may read") from exc
