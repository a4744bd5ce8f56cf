"""The rules of the signal models, at their borders."""

import pytest

from models.signals.signal_thresholds import classify, signals_for


@pytest.mark.parametrize(
    ("confidence", "expected_return", "signal"),
    [
        (0.65, 0.0501, "STRONG_BUY"),
        (1.0, 1.0, "STRONG_BUY"),
        (0.65, 0.05, "BUY"),
        (0.6499, 0.06, "BUY"),
        (0.55, 0.0001, "BUY"),
        (0.55, 0.0, "HOLD"),
        (0.5499, 0.2, "HOLD"),
        (0.5, 0.0, "HOLD"),
        (0.4501, 0.0, "HOLD"),
        (0.45, 0.0, "SELL"),
        (0.45, 0.2, "SELL"),
        (0.3501, 0.2, "SELL"),
        (0.5, -0.0001, "SELL"),
        (0.9, -0.0001, "SELL"),
        (0.9, -0.05, "SELL"),
        (0.9, -0.0501, "STRONG_SELL"),
        (0.35, 0.2, "STRONG_SELL"),
        (0.35, -0.2, "STRONG_SELL"),
        (0.0, 0.0, "STRONG_SELL"),
    ],
)
def test_the_first_rule_that_holds_decides(confidence, expected_return, signal):
    assert classify(confidence, expected_return) == signal


def test_the_greatest_product_is_first_and_symbols_break_ties():
    outputs = signals_for([("D", 0.5, 0.04), ("A", 0.4, 0.05), ("C", 0.9, -0.01), ("B", 0.8, 0.03)])
    assert [(output.symbol, output.rank) for output in outputs] == [("B", 1), ("A", 2), ("D", 3), ("C", 4)]
    assert signals_for([]) == ()
