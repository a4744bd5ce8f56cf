"""Checks plugins with the conformance kit, one after another in one oven, and keeps the reports."""

from collections.abc import Generator, Sequence

from bakeoff.domain.candidate import Candidate, CandidateKind
from bakeoff.domain.conformance import ConformanceReport
from bakeoff.evaluation.conformance.check_candidate import PRELOADED, KitLimits, check_candidate
from bakeoff.operations.conformance import report_store
from bakeoff.operations.context import Context
from bakeoff.operations.own_oven import own_oven
from bakeoff.operations.signals.signal_check import check_signal_model


def check_plugins(
    context: Context, plugins: Sequence[Candidate], *, timeout_s: float | None = None
) -> Generator[ConformanceReport, None, None]:
    """`timeout_s`: for all checks of a plugin; None: what the kit takes."""
    configuration = context.configuration
    with own_oven(context, preload=PRELOADED) as run:
        for plugin in plugins:
            if plugin.kind is CandidateKind.SIGNAL:
                report = check_signal_model(context, plugin, timeout_s=timeout_s)
            else:
                limits = KitLimits(memory_mb=plugin.memory_limit_mb or configuration.settings.memory_limit_mb)
                if timeout_s is not None:
                    limits = KitLimits(timeout_s=timeout_s, memory_mb=limits.memory_mb)
                report = check_candidate(
                    plugin, run, root=configuration.root, closed=configuration.secrets, limits=limits
                )
            report_store.keep(configuration, plugin, report)
            yield report
