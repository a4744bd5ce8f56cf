"""Values that a cell was given do not come back in what it prints, however that is cut into pieces."""

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
