"""The tokens of the API: one line for each, and no token in it."""

from pathlib import Path

import pytest

from bakeoff.api.security.tokens import Role, Token, Tokens, add, read
from bakeoff.domain.errors import ConflictError, InfrastructureError, InvalidInputError


def test_a_file_without_tokens_has_none(tmp_path: Path) -> None:
    assert Tokens(tmp_path / "none").known() == []
    (tmp_path / "some").write_text("# nobody yet\n\n")
    assert Tokens(tmp_path / "some").known() == []


def test_a_name_is_used_once(tmp_path: Path) -> None:
    add(tmp_path / "tokens", "una", Role.USER)

    with pytest.raises(ConflictError, match="has a token of una already"):
        add(tmp_path / "tokens", "una", Role.ADMIN)


@pytest.mark.parametrize(
    "line", ["una:user", "una:root:" + "0" * 64, "u na:user:" + "0" * 64, "una:user:" + "0" * 63]
)
def test_a_line_that_is_no_token_is_named_and_not_shown(tmp_path: Path, line: str) -> None:
    (tmp_path / "tokens").write_text(f"# who\n{line}\n")

    with pytest.raises(InvalidInputError, match=r"tokens, line 2 is no token") as caught:
        read(tmp_path / "tokens")
    assert line not in str(caught.value)


def test_tokens_that_cannot_be_opened_or_written_are_told(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="cannot be read"):
        read(tmp_path)
    with pytest.raises(InfrastructureError, match="cannot be written"):
        add(Path("/proc/nowhere/tokens"), "una", Role.USER)


def test_a_token_is_known_by_its_hash(tmp_path: Path) -> None:
    token = add(tmp_path / "tokens", "una", Role.USER)
    [known] = Tokens(tmp_path / "tokens").known()

    assert known == Token(owner=known.owner, digest=known.digest)
    assert len(known.digest) == 64
    assert Tokens(tmp_path / "tokens").owner(token) == known.owner
    assert Tokens(tmp_path / "tokens").owner(known.digest) is None
    assert Tokens(tmp_path / "tokens").owner("") is None
