"""All pages, in the order in which their paths are tried."""

from bakeoff.web.page_request_and_answer import PageRoute
from bakeoff.web.routes import (
    candidate_pages,
    compare_page,
    dataset_pages,
    home_page,
    job_pages,
    login_pages,
    model_pages,
    queue_page,
    run_actions,
    run_cost_and_pairs_pages,
    run_pages,
    settings_pages,
    signal_pages,
    start_pages,
    suite_pages,
)

PAGES: tuple[PageRoute, ...] = (
    *home_page.PAGES,
    *login_pages.PAGES,
    *run_pages.LIST,
    *start_pages.PAGES,
    *run_pages.PAGES,
    *run_actions.PAGES,
    *job_pages.PAGES,
    *run_cost_and_pairs_pages.PAGES,
    *suite_pages.PAGES,
    *compare_page.PAGES,
    *model_pages.PAGES,
    *dataset_pages.PAGES,
    *candidate_pages.PAGES,
    *queue_page.PAGES,
    *signal_pages.PAGES,
    *settings_pages.PAGES,
)
