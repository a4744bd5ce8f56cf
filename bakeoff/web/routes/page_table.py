"""All pages, in the order in which their paths are tried."""

from bakeoff.web.routes import (
    audit_page,
    candidate_pages,
    compare_page,
    dataset_pages,
    home_page,
    job_pages,
    login_pages,
    model_pages,
    queue_page,
    run_actions,
    run_list_page,
    run_pages,
    run_views,
    settings_page,
    signal_pages,
    start_pages,
    suite_pages,
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
    *suite_pages.PAGES,
    *compare_page.PAGES,
    *model_pages.PAGES,
    *dataset_pages.PAGES,
    *candidate_pages.PAGES,
    *queue_page.PAGES,
    *signal_pages.PAGES,
    *settings_page.PAGES,
    *audit_page.PAGES,
)
