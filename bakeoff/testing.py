"""The conformance kit in a plugin author's own tests.

    from bakeoff.testing import conformance_tests

    test_my_model = conformance_tests("my_package.model:Model")

pytest then shows a test for each check. All of them are made at once, in cells, when the first one runs.
"""

from collections.abc import Callable, Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bakeoff.domain.conformance_report import CANDIDATE_CHECKS, CheckOutcome, CheckResult

__all__ = ["conformance_tests"]


def conformance_tests(
    plugin: str | type[Any],
    *,
    params: Mapping[str, Any] | None = None,
    expected_failures: Collection[str] = (),
    timeout_s: float = 60.0,
    root: Path | None = None,
    **about: Any,
) -> Callable[[str], None]:
    """A parametrized test of a candidate: `package.module:Class`, or the class itself.

    `params` are those of its constructor, and `about` are other keys of a catalog entry, such as
    `output_kind`. A check among `expected_failures` must fail: if it passes one day, its test says so.
    `root` is the folder that the class is imported from, beside what is installed; None: where pytest runs.
    """
    unknown = sorted(set(expected_failures) - CANDIDATE_CHECKS.keys())
    if unknown:
        raise ValueError(f"there is no check {unknown[0]!r}: the checks are {', '.join(CANDIDATE_CHECKS)}")
    path = plugin if isinstance(plugin, str) else f"{plugin.__module__}:{plugin.__qualname__}"

    @cache
    def results() -> Mapping[str, CheckResult]:
        return _results(path, params or {}, about, root or Path.cwd(), timeout_s)

    @pytest.mark.parametrize("check", list(CANDIDATE_CHECKS))
    def test(check: str) -> None:
        result = results()[check]
        if check in expected_failures:
            if result.outcome is not CheckOutcome.FAILED:
                pytest.fail(f"{check} is expected to fail, and {result.outcome}", pytrace=False)
        elif result.outcome is CheckOutcome.SKIPPED:
            pytest.skip(result.seen)
        elif result.outcome is CheckOutcome.FAILED:
            lines = [f"{check}: {result.seen}", f"fix: {result.cure}", result.traceback.rstrip()]
            pytest.fail("\n".join(filter(None, lines)), pytrace=False)

    return test


def _results(
    path: str, params: Mapping[str, Any], about: Mapping[str, Any], root: Path, timeout_s: float
) -> dict[str, CheckResult]:
    from bakeoff.domain.candidate import Candidate
    from bakeoff.evaluation.conformance.check_candidate import PRELOADED, KitLimits, check_candidate
    from bakeoff.evaluation.temporary_oven import oven_for

    candidate = Candidate(id=path, version="1", path=path, params=params, **about)
    with oven_for(root, preload=PRELOADED) as run:
        report = check_candidate(candidate, run, root=root, limits=KitLimits(timeout_s=timeout_s))
    return {result.slug: result for result in report.checks}
