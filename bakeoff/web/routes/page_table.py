"""All pages, in the order in which their paths are tried."""

from bakeoff.web.routes import home_page, login_pages, run_list_page, run_pages, settings_page
from bakeoff.web.visits import PageRoute

PAGES: tuple[PageRoute, ...] = (
    *home_page.PAGES,
    *login_pages.PAGES,
    *run_list_page.PAGES,
    *run_pages.PAGES,
    *settings_page.PAGES,
)
