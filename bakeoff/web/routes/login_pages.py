"""Logging in with a token, logging out, and the colours of the pages."""

from bakeoff.api.security.page_sessions import COOKIE, LIFETIME_S, SECURE_COOKIE
from bakeoff.web.page_request_and_answer import (
    Answer,
    Page,
    PageRoute,
    SeeOther,
    SetCookie,
    Visit,
    local_path,
)
from bakeoff.web.page_responses import THEME, THEMES

_A_YEAR_S = 365 * 86_400


def show_login(visit: Visit) -> Answer:
    if not visit.sessions.needs_login:
        return SeeOther(to="/")
    return _login_page(local_path(visit.asked("next", "/")))


def log_in(visit: Visit) -> Answer:
    back = local_path(visit.given("next", "/"))
    if not visit.sessions.needs_login:
        return SeeOther(to=back)
    if not visit.sessions.tries.may_try(visit.client):
        return _login_page(
            back, "That were five wrong tokens within a minute: wait one, and try again", status=429
        )
    cookie = visit.sessions.begin(visit.given("token"))
    if cookie is None:
        visit.sessions.tries.failed(visit.client)
        return _login_page(back, "This token is not known: `bakeoff api token NAME` makes one", status=401)
    name = SECURE_COOKIE if visit.is_secure else COOKIE
    session = SetCookie(name=name, value=cookie, max_age_s=LIFETIME_S, is_secure=visit.is_secure)
    return SeeOther(to=back, cookies=[session])


def _login_page(back: str, problem: str = "", *, status: int = 200) -> Page:
    return Page(template="login.html", title="Log in", data={"next": back, "problem": problem}, status=status)


def log_out(_: Visit) -> Answer:
    gone = [SetCookie(name=name, value="", max_age_s=0, is_secure=name == SECURE_COOKIE)
            for name in (COOKIE, SECURE_COOKIE)]  # fmt: skip
    return SeeOther(to="/login", cookies=gone)


def choose_theme(visit: Visit) -> Answer:
    wanted = visit.given("theme")
    value = wanted if wanted in THEMES else ""
    cookie = SetCookie(
        name=THEME, value=value, max_age_s=_A_YEAR_S if value else 0, is_for_server_alone=False
    )
    return SeeOther(to=local_path(visit.given("next", "/")), cookies=[cookie])


PAGES = (
    PageRoute(path="/login", show=show_login, act=log_in),
    PageRoute(path="/logout", act=log_out),
    PageRoute(path="/theme", act=choose_theme),
)
