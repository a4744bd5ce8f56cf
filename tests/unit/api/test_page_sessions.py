"""Sessions in a signed cookie: when they end, what they are signed with, and how often a login may fail."""

import stat
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from bakeoff.api.security.page_sessions import LIFETIME_S, LoginTries, PageSessions
from bakeoff.api.security.tokens import Role, Tokens, add


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def sessions(folder: Path, clock: Clock) -> PageSessions:
    return PageSessions(Tokens(folder / "tokens"), folder / "web" / "secret", clock)


def with_cookie(value: str) -> Headers:
    return Headers({"cookie": f"bakeoff_session={value}"})


def test_a_session_ends_after_twelve_hours(tmp_path: Path, clock: Clock) -> None:
    token = add(tmp_path / "tokens", "ada", Role.USER)
    mine = sessions(tmp_path, clock)
    cookie = mine.begin(token)
    assert cookie is not None
    clock.now += LIFETIME_S - 1
    owner = mine.owner(with_cookie(cookie))
    assert owner is not None
    assert (owner.name, owner.role) == ("ada", Role.USER)
    clock.now += 1
    assert mine.owner(with_cookie(cookie)) is None


def test_all_processes_sign_with_the_same_secret_and_nobody_else_reads_it(
    tmp_path: Path, clock: Clock
) -> None:
    token = add(tmp_path / "tokens", "ada", Role.USER)
    cookie = sessions(tmp_path, clock).begin(token)
    assert cookie is not None
    assert sessions(tmp_path, clock).owner(with_cookie(cookie)) is not None
    secret = tmp_path / "web" / "secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert [file.name for file in secret.parent.iterdir()] == ["secret"]

    secret.unlink()
    assert sessions(tmp_path, clock).owner(with_cookie(cookie)) is None


def test_a_new_token_of_the_same_name_does_not_revive_a_session(tmp_path: Path, clock: Clock) -> None:
    cookie = sessions(tmp_path, clock).begin(add(tmp_path / "tokens", "ada", Role.USER))
    assert cookie is not None
    (tmp_path / "tokens").unlink()
    add(tmp_path / "tokens", "ada", Role.ADMIN)
    assert sessions(tmp_path, clock).owner(with_cookie(cookie)) is None


def test_a_form_belongs_to_its_session(tmp_path: Path, clock: Clock) -> None:
    mine = sessions(tmp_path, clock)
    form = mine.form_token(with_cookie("one"))
    assert mine.accepts_form(with_cookie("one"), form)
    assert not mine.accepts_form(with_cookie("two"), form)
    assert not mine.accepts_form(with_cookie("one"), "")


def test_failed_logins_of_one_address_count_for_a_minute(clock: Clock) -> None:
    tries = LoginTries(clock)
    for _ in range(5):
        assert tries.may_try("here")
        tries.failed("here")
    assert not tries.may_try("here")
    assert tries.may_try("elsewhere")
    clock.now += 60
    assert tries.may_try("here")
