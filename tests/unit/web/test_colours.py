"""Contrast of the tokens, light and dark, by the formula of WCAG 2: a browser cannot judge all of them."""

import re
from importlib.resources import files

import pytest

SHEET = (files("bakeoff.web") / "static" / "tokens.css").read_text("utf-8")
COLOURS = {
    name: (light, dark)
    for name, light, dark in re.findall(r"--([\w-]+):light-dark\((#[0-9a-f]+),(#[0-9a-f]+)\)", SHEET)
}
TEXT = [
    *((ink, ground) for ink in ("ink", "ink-2", "ink-3") for ground in ("bg", "surface", "sunken")),
    *((f"{state}", f"{state}-bg") for state in ("ok", "run", "bad", "late", "idle", "kept")),
    *((f"{state}", "surface") for state in ("ok", "run", "bad", "late", "idle", "kept")),
    ("brand", "surface"),
    ("focus", "surface"),
]
SHAPES = [
    (name, "surface")
    for name in (
        "control",
        "m0",
        "m1",
        "m2",
        "m3",
        "m4",
        "ref",
        "fill-ok",
        "fill-run",
        "fill-bad",
        "fill-late",
    )
]


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: str, b: str, dark: int) -> float:
    low, high = sorted(luminance(COLOURS[name][dark]) for name in (a, b))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXT)
def test_text_can_be_read(ink: str, ground: str, dark: int) -> None:
    assert contrast(ink, ground, dark) >= 4.5


@pytest.mark.parametrize("dark", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("shape", "ground"), SHAPES)
def test_borders_of_fields_and_marks_can_be_seen(shape: str, ground: str, dark: int) -> None:
    assert contrast(shape, ground, dark) >= 3
