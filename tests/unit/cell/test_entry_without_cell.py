"""An entry that is called in this process, as a breakpoint and the warm-up of the oven need it."""

from pathlib import Path

import pytest
from fixtures.projects.kitchen import names_in

from bakeoff.cell.inside.cell_api import without_cell


@pytest.mark.parametrize("opens", [(), ("a",), ("a", "b")])
def test_no_descriptor_is_left_when_the_entry_raises(tmp_path: Path, opens: tuple[str, ...]) -> None:
    def fail() -> None:
        with without_cell(tmp_path, {name: tmp_path / name for name in "ab"}) as inside:
            for name in opens:
                inside.output(name)
            raise ValueError("no")

    before = names_in("/proc/self/fd")
    with pytest.raises(ValueError, match="no"):
        fail()

    assert names_in("/proc/self/fd") == before


def test_what_it_writes_lies_where_it_was_asked_for_when_it_has_returned(tmp_path: Path) -> None:
    with without_cell(tmp_path, {"a": tmp_path / "a"}) as inside:
        inside.phase("fit")
        inside.output("a").write(b"x")

    assert (tmp_path / "a").read_bytes() == b"x"
    assert inside.scratch == tmp_path
