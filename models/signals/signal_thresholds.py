"""Thresholds that turn a confidence and an expected return into a signal."""

from collections.abc import Iterable

from registry.interface import ModelOutput, SignalType, ranked


def classify(confidence: float, expected_return: float) -> SignalType:
    """The signal of the first rule that holds."""
    if confidence >= 0.65 and expected_return > 0.05:  # noqa: PLR2004
        return SignalType.STRONG_BUY
    if confidence >= 0.55 and expected_return > 0:  # noqa: PLR2004
        return SignalType.BUY
    if confidence <= 0.35 or expected_return < -0.05:  # noqa: PLR2004
        return SignalType.STRONG_SELL
    if confidence <= 0.45 or expected_return < 0:  # noqa: PLR2004
        return SignalType.SELL
    return SignalType.HOLD


def signals_for(estimates: Iterable[tuple[str, float, float]]) -> tuple[ModelOutput, ...]:
    """Signals, the best first. `estimates` are symbols with their confidence and expected return."""
    return ranked(
        ModelOutput(
            symbol=symbol,
            signal=classify(confidence, expected_return),
            confidence=confidence,
            expected_return=expected_return,
        )
        for symbol, confidence, expected_return in estimates
    )
