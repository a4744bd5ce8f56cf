"""Values that a cell was given do not come back in what it prints, however that is cut into pieces."""

import json
from collections.abc import Callable

import pytest

from bakeoff.cell.host.secret_mask import SecretMask

TOKEN = "hf_abcdefgh"
TEXT = f"token {TOKEN}, {TOKEN}{TOKEN} and hf_abc".encode()


@pytest.mark.parametrize("size", range(1, 24))
def test_a_value_is_masked_wherever_the_stream_is_cut(size: int) -> None:
    mask = SecretMask([TOKEN])

    pieces = [mask.of_stream(TEXT[at : at + size]) for at in range(0, len(TEXT), size)]

    assert b"".join([*pieces, mask.rest()]) == b"token ***, ****** and hf_abc"


def test_short_values_such_as_flags_are_left_alone() -> None:
    mask = SecretMask(["1", "offline"])

    assert (mask.of_stream(b"1 offline"), mask.rest()) == (b"1 offline", b"")
    assert mask.of_text("1 offline") == "1 offline"


def test_of_two_values_the_longer_one_is_masked_as_a_whole() -> None:
    assert SecretMask([TOKEN, f"{TOKEN}-long"]).of_text(f"{TOKEN}-long {TOKEN}") == "*** ***"


@pytest.mark.parametrize("cut", range(1, 33))
def test_of_two_values_no_part_of_either_comes_through_wherever_the_stream_is_cut(cut: int) -> None:
    data = f"a {TOKEN}-long, {TOKEN}, {TOKEN}-l".encode()
    mask = SecretMask([TOKEN, f"{TOKEN}-long"])

    assert b"".join([mask.of_stream(data[:cut]), mask.of_stream(data[cut:]), mask.rest()]) == (
        b"a ***, ***, ***-l"
    )


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_value_that_ends_as_it_begins_is_masked_as_a_whole(cut: int) -> None:
    data, mask = b"is abab_abab, abab_", SecretMask(["abab_abab"])

    assert b"".join([mask.of_stream(data[:cut]), mask.of_stream(data[cut:]), mask.rest()]) == b"is ***, abab_"


@pytest.mark.parametrize("written", [str, repr, json.dumps], ids=["str", "repr", "json"])
def test_a_key_of_several_lines_is_masked_however_it_is_written(written: Callable[[str], str]) -> None:
    key = "-----BEGIN KEY-----\nMC4CAQ\n"

    assert SecretMask([key]).of_text(written(key)).strip("'\"") == "***"


def test_all_texts_of_a_value_are_masked_and_nothing_else() -> None:
    value = [{f"of {TOKEN}": [TOKEN, 1, None, True], "n": 0.5}]

    assert SecretMask([TOKEN]).of_value(value) == [{"of ***": ["***", 1, None, True], "n": 0.5}]
    assert SecretMask([]).of_value(value) is value
