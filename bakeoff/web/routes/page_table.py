"""All pages, in the order in which their paths are tried."""

from bakeoff.web.routes import (
    home_page,
    job_pages,
    login_pages,
    run_actions,
    run_list_page,
    run_pages,
    run_views,
    settings_page,
    start_pages,
)
from bakeoff.web.visits import PageRoute

PAGES: tuple[PageRoute, ...] = (
    *home_page.PAGES,
    *login_pages.PAGES,
    *run_list_page.PAGES,
    *start_pages.PAGES,
    *run_pages.PAGES,
    *run_actions.PAGES,
    *job_pages.PAGES,
    *run_views.PAGES,
    *settings_page.PAGES,
)
