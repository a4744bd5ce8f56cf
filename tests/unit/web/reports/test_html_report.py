"""The report as one HTML file: complete, small, safe to open, and without any need of a network."""

import base64
import hashlib
import re
from dataclasses import replace

import pytest
from fixtures.parsed_markup import parsed, with_class
from fixtures.values.boards import a_finding, a_verdict
from fixtures.values.drawn import a_value_curve
from fixtures.values.report_contents import of_fifty_candidates, report_contents, with_report

from bakeoff.web.reports.html_report import html_report

_HOSTILE = '"><script>alert(1)</script><img src=//x onerror=x>\u202e\x1b[2J'


def titles(contents):
    return [one.text for one in parsed(html_report(contents)) if one.name in {"h1", "h2", "h3"}]


def test_it_reads_from_the_verdict_to_how_it_was_made():
    assert titles(report_contents()) == [
        "nightly-2026-11-28 Finished with failures",
        "Differences",
        "F1 against Production (credit 1.4.0)",
        "Curves",
        "ROC",
        "Precision and recall",
        "Calibration",
        "Score against cost",
        "F1 against p99 of one prediction, ms",
        "Confusion",
        "Jobs",
        "How this was made",
    ]


def test_it_loads_nothing_and_runs_nothing():
    markup = html_report(report_contents())
    elements = parsed(markup)
    assert not [one for one in elements if one.name in {"script", "link", "iframe", "object", "img"}]
    assert not [
        one
        for one in elements
        for key in one.attributes
        if key in {"src", "href", "style"} or key.startswith("on")
    ]
    assert not re.search(r"url\(|@import|https?:", markup)


def test_its_policy_allows_its_own_style_and_nothing_else():
    markup = html_report(report_contents())
    [style] = re.findall("<style>(.*?)</style>", markup, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    [policy] = [one.attributes["content"] for one in parsed(markup) if "http-equiv" in one.attributes]
    assert policy == (f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'")


def test_fifty_candidates_with_long_names_stay_under_500_kb():
    assert len(html_report(of_fifty_candidates()).encode()) < 500_000


def test_names_and_messages_of_others_are_text_wherever_they_stand():
    contents = report_contents()
    report = contents.report
    run = report["run"] | {"name": _HOSTILE, "datasetName": _HOSTILE, "metrics": ["f1", _HOSTILE]}
    details = {"warnings": [_HOSTILE], "classes": [_HOSTILE], "confusion": [[1]]}
    rows = [
        {**row, "modelId": f"{_HOSTILE}{place}", "modelVersion": _HOSTILE, "details": details}
        for place, row in enumerate(report["leaderboard"])
    ]
    error = {**report["failed"][0]["error"], "type": _HOSTILE, "message": _HOSTILE, "hint": _HOSTILE}
    failed = [{**report["failed"][0], "modelId": _HOSTILE, "error": error}]
    production = {**a_verdict()["production"], "reference": _HOSTILE, "problem": ""}
    references = [{**a_verdict()["references"][0], "reference": _HOSTILE, "candidate": f"{_HOSTILE}0"}]
    verdict = a_verdict(
        sentence=_HOSTILE,
        recommended=f"{_HOSTILE}0",
        production=production,
        references=references,
        findings=[a_finding(message=_HOSTILE, cure=_HOSTILE)],
    )
    hostile = replace(
        contents,
        report={**report, "run": run, "leaderboard": rows, "failed": failed, "verdict": verdict},
        curves=[{**contents.curves[0], "modelId": f"{_HOSTILE}0"}, a_value_curve(f"{_HOSTILE}1")],
        pairs=[{**contents.pairs[0], "a": f"{_HOSTILE}0", "b": f"{_HOSTILE}1"}],
        jobs=[{**contents.jobs[0], "modelId": _HOSTILE, "node": _HOSTILE}],
        origins=[{**contents.origins[0], "modelId": _HOSTILE}],
        environment={**contents.environment, "commit": _HOSTILE, "packages": {_HOSTILE: _HOSTILE}},
        design=_HOSTILE,
    )
    markup = html_report(hostile)
    elements = parsed(markup)
    assert not [one for one in elements if one.name in {"script", "img"}]
    assert not [one for one in elements if any(key.startswith("on") for key in one.attributes)]
    assert not re.search("[\x00-\x08\x1b\u202e]", markup)
    assert markup.count("&lt;script&gt;") > 20


def test_a_run_without_verdict_says_why_and_compares_nothing():
    contents = with_report(report_contents(pairs=[]), verdict=None)
    running = with_report(
        contents, run={**contents.run, "status": "running", "endedAt": None, "findings": [a_finding()]}
    )
    said = [one.text for one in with_class(parsed(html_report(running)), "bo-verdict")]
    assert said == ["This run is running: it is judged when its last job has ended."]
    assert with_class(parsed(html_report(running)), "bo-finding")
    assert "Score against cost" not in titles(running)


@pytest.mark.parametrize("production", [None, {**a_verdict()["production"], "problem": "it is gone"}])
def test_without_production_differences_are_to_the_first(production):
    contents = with_report(report_contents(), verdict=a_verdict(production=production, references=[]))
    assert "F1 against stack_top3" in titles(contents)


def test_a_run_of_which_nothing_completed_has_a_report_too():
    contents = report_contents(pairs=[], curves=[], origins=[], environment=None)
    contents = with_report(contents, leaderboard=[], verdict=None)
    assert titles(contents)[1:] == ["Jobs", "How this was made"]
    assert contents.replay is None
