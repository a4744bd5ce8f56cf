"""From a confidence and an expected return to a signal, and from many of them to a ranking."""

from collections.abc import Iterable

from registry.interface import ModelOutput, SignalType


def classify(confidence: float, expected_return: float) -> SignalType:
    """The first rule that holds."""
    if confidence >= 0.65 and expected_return > 0.05:  # noqa: PLR2004
        return SignalType.STRONG_BUY
    if confidence >= 0.55 and expected_return > 0:  # noqa: PLR2004
        return SignalType.BUY
    if confidence <= 0.35 or expected_return < -0.05:  # noqa: PLR2004
        return SignalType.STRONG_SELL
    if confidence <= 0.45 or expected_return < 0:  # noqa: PLR2004
        return SignalType.SELL
    return SignalType.HOLD


def ranked(opinions: Iterable[tuple[str, float, float]]) -> list[ModelOutput]:
    """Of symbols, confidences and expected returns: the best first, by their product, and then by symbol."""
    best_first = sorted(opinions, key=lambda opinion: (-opinion[1] * opinion[2], opinion[0]))
    return [
        ModelOutput(
            symbol=symbol,
            signal=classify(confidence, expected_return),
            confidence=confidence,
            expected_return=expected_return,
            rank=rank,
        )
        for rank, (symbol, confidence, expected_return) in enumerate(best_first, start=1)
    ]
