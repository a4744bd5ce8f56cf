"""Reads YAML files so that each problem is reported with its line, and all problems together.

Both files that an operator edits are read this way, `bakeoff.yaml` and `models.yaml`: `YamlFile` gives the
values, pydantic checks them, and `YamlFile` finds the line of each error of pydantic. `Section` is the base
of the sections of `bakeoff.yaml`.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from yaml import MappingNode, Node, ScalarNode, SequenceNode

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import quoted

_TAG = "tag:yaml.org,2002:"

#: Keys and indexes that lead to a value: ("models", "forest", "steps", 0, "path").
Location = Sequence[str | int]


class _Loader(yaml.SafeLoader):
    """Reads 1e-3 as a number, as YAML 1.2 does; YAML 1.1 would want 1.0e-3."""


_Loader.add_implicit_resolver(
    _TAG + "float",
    re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


class YamlFile:
    """A parsed file. Its problems name places as the author wrote them: `models.forest.steps[0].path`."""

    def __init__(self, file: Path, error: type[InvalidInputError] = InvalidInputError) -> None:
        """Parses the file. `error` is raised for what is no YAML, and later by `raise_problems`."""
        self.file = file
        self._error = error
        self._problems: list[tuple[int, str]] = []
        self._reported: set[int] = set()  #: ids of nodes that have a problem already
        self.text = _text_of(file, error)
        self._loader, self.root = _parsed(self.text, file, error)
        if self.root is not None:
            self._resolve_merges(self.root)

    def report(self, node: Node | None, problem: str) -> None:
        self._reported.add(id(node))
        self._problems.append((self._line(node), problem))

    def _line(self, node: Node | None) -> int:
        return 1 if node is None else node.start_mark.line + 1

    def place_of(self, node: Node | None) -> str:
        return f"{self.file}, line {self._line(node)}"

    @property
    def problems(self) -> list[str]:
        """The problems with file and line, in the order of lines."""
        return [f"{self.file}, line {line}: {problem}" for line, problem in sorted(self._problems)]

    def raise_problems(self) -> None:
        """Raises all problems as one error, if there are any."""
        if self._problems:
            raise self._error("\n".join(self.problems))

    def report_errors(self, errors: Iterable[Any], explain: "Callable[[Any, Node], str]") -> None:
        """Reports each error of pydantic at its line, in the words of `explain(error, node)`.

        A place that has a problem already is left out: pydantic was given another value there.
        """
        for error in errors:
            node = self.node_at(error["loc"])
            if id(node) in self._reported:
                continue
            at_its_key = error["type"] in {"extra_forbidden", "missing", "model_type"}
            where = self.node_at(error["loc"], the_key=True) if at_its_key else node
            self._problems.append((self._line(where), explain(error, node)))

    def node_at(self, location: Location, *, the_key: bool = False) -> Node:
        """The node that a location leads to, or the deepest one on the way there.

        `the_key`: the node of its key, if it has one, instead of that of its value.
        """
        assert self.root is not None  # noqa: S101 - an empty file has no locations
        key = node = self.root
        for part in location:
            if isinstance(node, MappingNode):
                below = [pair for pair in node.value if pair[0].value == part]
                if not below:
                    break
                key, node = below[-1]
            elif isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
                key = node = node.value[part]
            else:
                break
        return key if the_key else node

    def values(
        self,
        *,
        is_text: Callable[[Location], bool] = lambda _: False,
        is_free: Callable[[Location], bool] = lambda _: False,
    ) -> Any:
        """The content of the file as plain values; None for an empty file. Keys are as they are written.

        `is_text`: where a value, or the items of a list, stay as they are written: `version: 1.10`.
        `is_free`: where a mapping holds whatever JSON can store. A mapping below it whose keys are not text
        becomes {pairs: [[key, value], ...]}.
        """
        return None if self.root is None else self._values(self.root, (), is_text, is_free)

    def _values(
        self,
        node: Node,
        location: tuple[str | int, ...],
        is_text: Callable[[Location], bool],
        is_free: Callable[[Location], bool],
    ) -> Any:
        if is_text(location):
            return self._as_written(node, location)
        if isinstance(node, SequenceNode) and node.tag == _TAG + "seq":
            return [
                self._values(item, (*location, index), is_text, is_free)
                for index, item in enumerate(node.value)
            ]
        if not (isinstance(node, MappingNode) and node.tag == _TAG + "map"):
            return self._scalar(node, key_path(location))
        keys = [(key, value) for key, value in node.value if isinstance(key, ScalarNode)]
        if is_free(location):
            place = key_path(location)
            return {key.value: self._free(value, f"{place}.{key.value}", (node,)) for key, value in keys}
        return {
            key.value: self._values(value, (*location, key.value), is_text, is_free) for key, value in keys
        }

    def _as_written(self, node: Node, location: tuple[str | int, ...]) -> Any:
        if isinstance(node, ScalarNode):
            return None if is_empty(node) else str(node.value)
        if isinstance(node, SequenceNode):
            return [self._as_written(item, (*location, index)) for index, item in enumerate(node.value)]
        return {}  # a mapping is an error in such a place, whatever it holds

    def _free(self, node: Node, place: str, above: tuple[Node, ...]) -> Any:
        if node in above:
            self.report(node, f"{place} contains itself")
            return None
        above = (*above, node)
        if isinstance(node, SequenceNode) and node.tag == _TAG + "seq":
            return [self._free(item, f"{place}[{index}]", above) for index, item in enumerate(node.value)]
        if isinstance(node, MappingNode) and node.tag == _TAG + "map":
            pairs = [
                (self._scalar(key, place), self._free(value, f"{place}.{key.value}", above))
                for key, value in node.value
            ]
            if all(isinstance(key, str) for key, _ in pairs):
                return dict(pairs)
            return {"pairs": [[key, value] for key, value in pairs]}
        value = self._scalar(node, place)
        if isinstance(value, float) and not math.isfinite(value):
            problem = "which JSON cannot store: set it in a class of your own"
            self.report(node, f"{place} is {node.value}, {problem}")
            return None
        return value

    def _scalar(self, node: Node, place: str) -> str | int | float | bool | None:
        value = self._construct(node)
        if value is None or isinstance(value, (str, int, float)):
            return value
        self.report(node, f"{place} is {describe(node)}: for text, write it in quotes")
        return None

    def _construct(self, node: Node) -> Any:
        """The value of a scalar; the node itself if it is no scalar, or none that the safe loader knows."""
        if not isinstance(node, ScalarNode):
            return node
        try:
            return self._loader.construct_object(node)
        except (yaml.YAMLError, ValueError):
            return node

    def _resolve_merges(self, root: Node) -> None:
        """Reports keys that are given twice, then inserts what `<<` refers to.

        Done once for each node: with anchors, several places lead to the same node.
        """
        todo, seen = [root], set[int]()
        while todo:
            node = todo.pop()
            if id(node) in seen or isinstance(node, ScalarNode):
                continue
            seen.add(id(node))
            if isinstance(node, MappingNode):
                self._report_twins(node)
                try:
                    self._loader.flatten_mapping(node)
                except yaml.MarkedYAMLError as exc:
                    self.report(node, f"`<<` must name a mapping: {exc.problem}")
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


def key_path(location: Location) -> str:
    """A location as its author would write it: `models.forest.steps[0].path`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return "".join(parts).removeprefix(".")


def is_empty(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.tag == _TAG + "null"


def describe(node: Node | None) -> str:
    """What kind of value it is, in words for an author of YAML."""
    if node is None:
        return "nothing"
    kind = node.tag.removeprefix(_TAG)
    if kind not in _IN_WORDS:
        return f"of type {kind}"
    shown = f" {quoted(node.value)}" if isinstance(node, ScalarNode) and kind != "null" else ""
    return _IN_WORDS[kind] + shown


_IN_WORDS: Mapping[str, str] = {
    "seq": "a list",
    "map": "a mapping",
    "null": "empty",
    "str": "the text",
    "int": "the number",
    "float": "the number",
    "bool": "the value",
    "timestamp": "the date",
}


def _text_of(file: Path, error: type[InvalidInputError]) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise error(f"{file} cannot be read: {exc}; make it a UTF-8 file that you may read") from exc


def _parsed(text: str, file: Path, error: type[InvalidInputError]) -> tuple[_Loader, Node | None]:
    try:
        loader = _Loader(text)
        return loader, loader.get_single_node()
    except yaml.MarkedYAMLError as exc:
        line = f", line {exc.problem_mark.line + 1}" if exc.problem_mark else ""
        raise error(f"{file}{line} is not YAML: {exc.problem}; mend its syntax") from exc
    except (yaml.YAMLError, RecursionError) as exc:
        raise error(f"{file} is not YAML: {str(exc).splitlines()[0]}; mend its syntax") from exc


class Section(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, allow_inf_nan=False
    )
