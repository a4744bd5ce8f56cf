"""From a confidence and an expected return to a signal."""

from collections.abc import Iterable

from registry.interface import ModelOutput, SignalType, ranked


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


def answers(opinions: Iterable[tuple[str, float, float]]) -> tuple[ModelOutput, ...]:
    """Of symbols, confidences and expected returns, the best first."""
    return ranked(
        ModelOutput(
            symbol=symbol,
            signal=classify(confidence, expected_return),
            confidence=confidence,
            expected_return=expected_return,
        )
        for symbol, confidence, expected_return in opinions
    )
