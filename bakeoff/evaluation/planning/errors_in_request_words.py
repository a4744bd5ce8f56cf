"""Errors in the words of a request: what the command line names as an option is named as a key of the body.

    say how many, such as --folds 5    ->    say how many, such as `design.folds: 5`

The parts that refuse a run serve the command line, HTTP, messages, pages and Python alike. Each door puts the
names of its own into what they say; Python has a module of its own for that. Whole commands, such as
`bakeoff models`, stay: whoever runs the server can type them.
"""

import re

from pydantic.alias_generators import to_camel

from bakeoff.evaluation.planning.declared_run_options import RunSpec
from bakeoff.evaluation.planning.split_design_request import DesignRequest

#: Where the keys of a design stand: in the body of a request, and in the form of the page.
IN_BODY, IN_FORM = "design.", ""

#: A command or a value in quotes, which stay as they are, or an option with its value if it has one.
_COMMAND_OR_OPTION = re.compile(
    r"`bakeoff [^`]*`"
    r"|(?<!\w)'[^'\n]*'"
    r"|(?<![\w`-])`?--(?P<no>no-)?(?P<name>[a-z]+(?:-[a-z]+)*)"
    r"(?: (?!and\b|or\b)(?P<value>[\w.-]+=[\w.-]+(?:,[\w.-]+=[\w.-]+)*|[\w.-]+))?`?"
)
#: What a client cannot do: it names no file, and what is disabled stays so until the catalog says otherwise.
_NOT_OF_A_CLIENT = re.compile(r",? or (?:add )?`?--(?:with|drop-unlabelled|encoding|sep)\b(?: [^\s`,;]+)?`?")
_START_WITH = re.compile(r"start the run with (--[a-z-]+), as in `[^`]+`")

#: The key of each option by its words, where that is not the name in camel case.
_KEYS = {"sep": "separator"}
_OF_DESIGN = frozenset(DesignRequest.model_fields)
_SWITCHES = {name for name, field in RunSpec.model_fields.items() if field.annotation is bool}


def in_request_words(text: str, *, design: str = IN_BODY) -> str:
    """The text of an error, with each option as the key of the same meaning.

    `design`: what stands before the keys of a design.
    """
    text = _NOT_OF_A_CLIENT.sub("", text)
    text = _START_WITH.sub(r"start the run with \1", text)
    return _COMMAND_OR_OPTION.sub(lambda found: _key(found, design), text)


def _key(found: re.Match[str], design: str) -> str:
    option = found["name"]
    if option is None:
        return found[0]
    name = option.replace("-", "_")
    key = _KEYS.get(option, to_camel(name))
    place = f"{design}{key}" if name in _OF_DESIGN else key
    if found["no"]:
        return f"`{place}: false`"
    if found["value"] is None:
        return f"`{place}: true`" if name in _SWITCHES else place
    return f"`{place}: {_value(found['value'])}`"


def _value(text: str) -> str:
    """As JSON has it: `a=1,b=10` is an object."""
    if "=" not in text:
        return text
    pairs = (pair.partition("=") for pair in text.split(","))
    return "{" + ", ".join(f'"{name}": {value}' for name, _, value in pairs) + "}"
