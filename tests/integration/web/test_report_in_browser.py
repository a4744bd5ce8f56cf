"""The report in a real browser: from disk, without a network, in light and dark, on a phone and on paper.

Also here: the script of pages that reads curves at the pointer.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.values.boards import a_report
from fixtures.values.drawn import a_curve
from fixtures.values.report_contents import of_fifty_candidates, report_contents

import bakeoff.web
from bakeoff.web.charts.plots.curve_plots import roc_plot
from bakeoff.web.reports.html_report import html_report
from bakeoff.web.reports.report_style_and_notebook_html import in_notebook, leaderboard_html

pytestmark = pytest.mark.services
sync_api = pytest.importorskip("playwright.sync_api")

_SIZES = {"wide": (1280, 900), "narrow": (390, 844)}


@pytest.fixture(scope="module")
def browser() -> Iterator["sync_api.Browser"]:
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("report") / "report.html"
    written.write_text(html_report(report_contents()), "utf-8")
    return written


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", list(_SIZES))
def test_it_opens_without_a_network_a_complaint_or_a_sideways_scroll(
    browser: "sync_api.Browser", file: Path, scheme: str, size: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    width, height = _SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, offline=True, bypass_csp=False
    )
    page = context.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(250, 249, 246)", "dark": "rgb(20, 19, 16)"}[scheme]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert complaints == []
    assert asked == [file.as_uri()]
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    context.close()
    # axe brings a script, which the policy of the file forbids: it looks at the same file without the policy.
    lenient = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, bypass_csp=True
    )
    seen = lenient.new_page()
    seen.goto(file.as_uri())
    found = Axe().run(seen)
    lenient.close()
    assert found.violations_count == 0, found.generate_report()


def test_it_is_printed_on_a_few_pages(browser: "sync_api.Browser", tmp_path: Path) -> None:
    written = tmp_path / "fifty.html"
    written.write_text(html_report(of_fifty_candidates()), "utf-8")
    page = browser.new_page(offline=True)
    page.goto(written.as_uri())
    printed = page.pdf(prefer_css_page_size=True, print_background=True)
    page.close()
    assert printed.startswith(b"%PDF")
    assert 3 <= printed.count(b"/Type /Page\n") + printed.count(b"/Type/Page/") <= 25


def test_the_pointer_reads_every_curve_where_it_is(browser: "sync_api.Browser") -> None:
    static = Path(bakeoff.web.__file__).parent / "static"
    styles = "".join((static / name).read_text("utf-8") for name in ("tokens.css", "charts.css"))
    plot = roc_plot([a_curve("tree"), a_curve("<b>forest")], crosshair=True)
    page = browser.new_page(viewport={"width": 460, "height": 600})
    page.set_content(f"<style>{styles}</style><main>{plot}</main>")
    page.add_script_tag(content=(static / "crosshair.js").read_text("utf-8"))
    box = page.locator("svg.bo-plot").bounding_box()
    assert box is not None
    at = box["x"] + box["width"] * (40 + 0.1 * 310) / 360
    page.mouse.move(at, box["y"] + box["height"] / 2)
    tip = page.locator(".bo-tip")
    assert tip.locator("strong").text_content() == "False positive rate 0.10"
    assert tip.locator("div").all_text_contents() == ["tree0.600", "<b>forest0.600"]
    assert page.locator(".bo-crosshair").get_attribute("x1") == "71"
    page.mouse.move(2, 590)
    assert tip.count() == page.locator(".bo-crosshair").count() == 0
    page.close()


#: What JupyterLab says of tables, headings and paragraphs in outputs.
_OF_JUPYTER = """
.jp-C{color:red;font-family:serif;font-size:19px;line-height:2} .jp-C p{margin:0 0 1em}
.jp-C h3{font-size:1.44em}
.jp-C table{border-collapse:collapse;table-layout:fixed;margin:0 auto 1em;font-size:12px;color:red}
.jp-C thead{border-bottom:1px solid red;vertical-align:bottom}
.jp-C td,.jp-C th,.jp-C tr{vertical-align:middle;padding:.5em;line-height:normal;border:none}
:not(.jp-M).jp-C td,:not(.jp-M).jp-C th,:not(.jp-M).jp-C tr{text-align:right}
.jp-C tbody tr:nth-child(odd){background:red} .jp-C tbody tr:nth-child(even){background:pink}
"""
_LOOKS = """() => [...document.querySelectorAll('.bo-notebook *:not(style)')].map(one => {
  const style = getComputedStyle(one), box = one.getBoundingClientRect();
  return [one.className?.baseVal ?? one.className, style.textAlign, style.backgroundColor, style.color,
          style.fontSize, style.borderTopWidth, ...[box.x, box.width, box.height].map(Math.round)];
})"""


def test_the_style_of_a_notebook_does_not_reach_what_a_cell_shows(browser: "sync_api.Browser") -> None:
    shown = leaderboard_html(a_report()) + in_notebook(roc_plot([a_curve("a"), a_curve("b")]) or "")
    looks = []
    with browser.new_context(viewport={"width": 1000, "height": 900}) as context:
        for around in ("", "jp-C jp-RenderedHTML"):
            page = context.new_page()
            page.set_content(
                f"<!doctype html><style>{_OF_JUPYTER}</style><div class='{around}'>{shown}</div>"
            )
            looks.append(page.evaluate(_LOOKS))

    plain, in_jupyter = looks
    assert len(plain) > 200
    assert [one for one in zip(plain, in_jupyter, strict=True) if one[0] != one[1]] == []
