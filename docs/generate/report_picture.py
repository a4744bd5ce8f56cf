"""Draws docs/pictures/report.png: the top of the report of the latest run. `make docs` calls it."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from bakeoff.cli import project_access
from bakeoff.store.bakeoffs import run_rows
from bakeoff.web.reports.html_report import html_report
from bakeoff.web.reports.report_contents import read_contents

_SIZE = (1180, 1240)


def main() -> None:
    context = project_access.open_project(None)
    run_id = run_rows.find(project_access.database(context), "latest")
    width, height = _SIZE
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "report.html"
        file.write_text(html_report(read_contents(context, run_id)), "utf-8")
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(file.as_uri())
        page.screenshot(path=sys.argv[1])
        browser.close()


if __name__ == "__main__":
    main()
