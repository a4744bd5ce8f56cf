"""Errors of a run in the words of Python: what YAML, JSON and the command line name is named as the argument.

`dropUnlabelled: true` in the dataset's entry or --drop-unlabelled    ->    `drop_unlabelled=True`

The parts that refuse a run serve the command line, HTTP and Python alike, and know none of the three.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pydantic.alias_generators import to_camel

from bakeoff.domain.errors import ConflictError, InvalidInputError, NotFoundError

#: Options that are the design of a run: how the candidates meet the data.
DESIGN = ("folds", "repeats", "seeds", "stratify", "gap", "fold_column")
#: What the columns beside X and y are called in a design.
COLUMNS = {"groups": "group", "time": "time", "weights": "weight"}

_OF_JSON = "this is no request for a run: "
_BY_COLUMN = {key: what for what, key in COLUMNS.items()}
_OF_FLAGS = {**_BY_COLUMN, "sep": "separator", "target": "y"}
_SWITCHES = {"drop_unlabelled": "True", "baseline": "False", "stratify": "False", "refit": "False"}

_ENTRY = re.compile(
    r"`(\w+): ([^`]+)` in the dataset's entry or --[a-z-]+(?: [\w-]+)?|the dataset `(\w+): (\w+)`"
)
_FLAG = re.compile(
    r"(?<![\w`])`?--(?:no-)?([a-z]+(?:-[a-z]+)*)(?: (?!and\b|or\b)([\w.-]+(?:=[\w.,=-]*\w)?))?`?"
)
_MODELS = re.compile(r"`bakeoff models` shows which candidates learn (classes|numbers)")
_DATES = re.compile(r"write dates as [\d-]+, or say dtypes: \{(\w+): datetime\}")
_START_WITH = re.compile(r"start the run with --(\w+), as in `[^`]+`")
_TEACHES = {"classes": "give a classifier", "numbers": "give a regressor"}


@contextmanager
def in_names_of_python(data: Mapping[str, str]) -> Iterator[None]:
    """`data`: what the user knows the data by, by the path of the file that they were written to."""
    try:
        yield
    except (InvalidInputError, NotFoundError, ConflictError) as exc:
        text = str(exc)
        for file, name in data.items():
            text = text.replace(file, name)
        if type(exc) not in {InvalidInputError, NotFoundError, ConflictError} or python_names(text) == str(
            exc
        ):
            raise
        raise type(exc)(python_names(text)) from exc


def python_names(text: str) -> str:
    """The text of an error, with each option by its name in Python."""
    text = text.removeprefix(_OF_JSON)
    text = _ENTRY.sub(lambda found: _argument(found[1] or found[3], found[2] or found[4]), text)
    text = _DATES.sub(lambda found: f"give datetimes, such as `pd.to_datetime({found[1]})`", text)
    text = text.replace("or package.module:function", "or a function f(y_true, y_pred)")
    text = _START_WITH.sub(lambda found: f"give `{found[1]}=True`", text)
    text = _MODELS.sub(lambda found: _TEACHES[found[1]], text)
    text = _FLAG.sub(lambda found: _argument(found[1].replace("-", "_"), found[2]), text)
    text = re.sub(r"\bdesign\.(\w+)", lambda found: _BY_COLUMN.get(found[1], found[1]), text)
    return _CAMEL.sub(lambda found: _SNAKE[found[0]], text)


def _argument(key: str, value: str | None) -> str:
    key = re.sub(r"(?<=[a-z])([A-Z])", lambda found: f"_{found[1].lower()}", key)
    name = _OF_FLAGS.get(key, key)
    if value is None:
        return f"`{name}={_SWITCHES[key]}`" if key in _SWITCHES else name
    return f"`{name}={_literal(value)}`"


def _literal(value: str) -> str:
    if "=" in value:
        pairs = (pair.partition("=") for pair in value.split(","))
        return "{" + ", ".join(f'"{name}": {given}' for name, _, given in pairs) + "}"
    try:
        return repr(json.loads(value))
    except ValueError:
        return f'"{value}"'


def _options() -> Iterator[str]:
    from bakeoff.evaluation.planning.declared_run_options import RunSpec

    yield from (name for name in (*RunSpec.model_fields, *DESIGN) if "_" in name)


_SNAKE = {to_camel(name): name for name in _options()}
_CAMEL = re.compile(rf"\b(?:{'|'.join(_SNAKE)})\b")
