"""The examples below the help of commands can be typed."""

import re
import shlex
from typing import Any

import pytest
import typer.main

from bakeoff.cli.command_table import EXAMPLES
from bakeoff.cli.main import app

ROOT: Any = typer.main.get_command(app)


@pytest.mark.parametrize("example", [line for lines in EXAMPLES.values() for line in lines])
def test_an_example_names_a_command_and_options_that_exist(example: str) -> None:
    program, *words = shlex.split(example)
    assert program == "bakeoff"
    command, rest = ROOT, words
    while rest and hasattr(command, "commands") and not rest[0].startswith("-"):
        _, command, rest = command.resolve_command(command.context_class(command, info_name="bakeoff"), rest)

    context = command.make_context(words[0], rest, resilient_parsing=False)

    assert context.args == []


@pytest.mark.parametrize(
    "name", ["signals", "results", "registry", "datasets", "api", "db", "run", "plan", "show"]
)
def test_the_help_of_a_group_and_of_the_first_commands_shows_examples(name: str) -> None:
    _, command, _ = ROOT.resolve_command(ROOT.context_class(ROOT, info_name="bakeoff"), [name])

    assert re.match(rf"Examples:\n\nbakeoff {name}", command.epilog)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (("report", "x", "--fail-on", "wrse"), "'wrse' is not one of 'worse', 'not-better', 'finding'"),
        (("run", "x.csv", "--timeout", "abc"), "'abc': input should be a valid number"),
    ],
)
def test_an_option_with_a_wrong_value_is_refused_with_the_value_and_in_plain_words(
    typed: tuple[str, ...], told: str
) -> None:
    with pytest.raises(typer.BadParameter) as refused:
        ROOT.main(list(typed), standalone_mode=False)

    assert refused.value.message.startswith(told)
