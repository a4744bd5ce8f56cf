"""Markup is escaped, wherever the text in it comes from."""

import pytest
from fixtures.parsed_markup import parsed

from bakeoff.web.charts.escaped_markup import Markup, escape, name_of, tag


def test_text_and_attributes_are_escaped():
    built = tag("td", "<script>alert(1)</script> & co", title="\"><img src=x onerror='x'>")
    [cell] = parsed(built)
    assert cell.text == "<script>alert(1)</script> & co"
    assert cell.attributes == {"title": "\"><img src=x onerror='x'>"}


def test_markup_in_markup_is_not_escaped_again():
    assert tag("p", tag("b", "a & b")) == "<p><b>a &amp; b</b></p>"


def test_markup_joined_with_text_is_text_again():
    assert not isinstance(tag("b", "x") + "<i>", Markup)


@pytest.mark.parametrize("hidden", ["\x00", "\x1b[31m", "\u202e", "\u2066", "\ud800", "\x9f"])
def test_what_nobody_can_see_is_replaced(hidden):
    assert escape(f"a{hidden[0]}b") == "a\ufffdb"


def test_names_in_scripts_from_right_to_left_are_isolated():
    assert name_of("נתונים") == "<bdi>נתונים</bdi>"


def test_none_and_false_are_left_out_and_numbers_are_short():
    built = tag("rect", None, x=1 / 3, y=2.0, hidden=False, class_=None, view_box="0 0 1 1", checked=True)
    assert built == '<rect x="0.33" y="2" viewBox="0 0 1 1" checked></rect>'
