"""Signals of the ensemble as of a day: what the models say, where they conflict, and what each weighs."""

from collections import Counter
from contextlib import suppress
from datetime import date

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.signal import SignalType
from bakeoff.domain.wording import listed, quoted
from bakeoff.store.signals import ensemble_signals
from bakeoff.web.page_request_and_answer import Answer, Page, PageRoute, Visit
from bakeoff.web.table_downloads import ShownTable

_PER_PAGE = 200


def show_signals(visit: Visit) -> Answer:
    engine = visit.engine
    as_of = _day(visit.asked("asOf")) or ensemble_signals.latest_date(engine)
    wanted = _signal(visit.asked("signal"))
    conflict = True if visit.asked("conflict") == "yes" else None
    kept = (
        []
        if as_of is None
        else ensemble_signals.page(engine, as_of, limit=_PER_PAGE, signal=wanted, conflict=conflict)
    )
    signals = [one.signal for one in kept]
    models = list(dict.fromkeys(model for one in signals for model in one.model_signals))
    agreed = Counter(
        model for one in signals for model, said in one.model_signals.items() if said.side is one.signal.side
    )
    asked = Counter(model for one in signals for model in one.model_signals)
    return Page(
        template="signals.html",
        title="Signals",
        section="Signals",
        data={
            "as_of": as_of,
            "signals": signals,
            "models": models,
            "tally": ensemble_signals.tally(engine, as_of) if as_of else None,
            "agreement": {model: (agreed[model], asked[model]) for model in models},
            "weights": _weights(visit),
            "kinds": list(SignalType),
        },
        tables=[
            ShownTable(
                name="signals",
                columns=("rank", "symbol", "signal", "score", "expectedReturn", "conflict", *models),
                rows=[
                    (
                        one.rank,
                        one.symbol,
                        str(one.signal),
                        one.ensemble_score,
                        one.expected_return,
                        one.conflict_reason,
                        *(
                            str(one.model_signals[model]) if model in one.model_signals else None
                            for model in models
                        ),
                    )
                    for one in signals
                ],
            )
        ],
    )


def _weights(visit: Visit) -> dict[str, float]:
    """Empty where no usable ones are declared: a page must not fail for that."""
    with suppress(InvalidInputError):
        return visit.context.catalog().contents.weights
    return {}


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(f"{quoted(text)} is no date: expected one such as 2026-11-20") from None


def _signal(text: str) -> SignalType | None:
    if not text:
        return None
    try:
        return SignalType(text)
    except ValueError:
        raise InvalidInputError(f"{quoted(text)} is no signal: there are {listed(SignalType)}") from None


PAGES = (PageRoute(path="/signals", show=show_signals, is_slow=True),)
