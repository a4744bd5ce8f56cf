"""An entry is added as text, wherever its section ends."""

from pathlib import Path

import pytest
import yaml

from bakeoff.domain.errors import InvalidInputError
from bakeoff.settings.add_yaml_entry import replace_text, with_entry

ENTRY = {"source": "csv", "path": "x.csv", "drop": ["a", "b"], "dtypes": {"zip": "str"}}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "seed: 1",
        "seed: 1\n# the end\n",
        "datasets:\n",
        "datasets: # none yet\nseed: 1\n",
        "datasets: null\nseed: 1\n",
        "datasets: ~ # none\n",
        "datasets: {}\nseed: 2\n",
        "datasets: {a: {source: sklearn, name: iris}} # one\n",
        "datasets:\n    a:  # deep\n        drop: [x,\n          y]\n\n    # c:\n\nseed: 1\n",
        "datasets:\n  a: {source: csv}",
        "datasets:\n  a:\n    query: |\n      SELECT 1\n\n# next\nseed: 2\n",
        "datasets:\n  a:\n    drop:\n    - a\n    - b\nseed: 2\n",
        "datasets:\n  a:\n    path:\n# c\nseed: 2\n",
    ],
)
def test_the_entry_is_there_and_all_else_is_as_before(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bakeoff.yaml"
    file.write_text(text)
    before = yaml.safe_load(text) or {}

    after = with_entry(file, "datasets", "mine", ENTRY)

    assert yaml.safe_load(after) == {**before, "datasets": {**(before.get("datasets") or {}), "mine": ENTRY}}
    assert [line for line in text.splitlines() if "#" in line and line.split("#")[1] not in after] == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("datasets:\n  mine: {source: csv}\n", "datasets.mine is there already, .*, line 2"),
        ("datasets: [a]\n", "datasets is a list, where names of entries are expected"),
        ("- a\n", "must hold `key: value` lines, but it holds a list"),
    ],
)
def test_a_place_that_cannot_take_it_is_named(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "bakeoff.yaml"
    file.write_text(text)

    with pytest.raises(InvalidInputError, match=says):
        with_entry(file, "datasets", "mine", ENTRY)


def test_a_file_behind_a_link_is_replaced_and_keeps_link_and_permissions(tmp_path: Path) -> None:
    file, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    file.write_text("old")
    file.chmod(0o640)
    link.symlink_to(file)

    replace_text(link, "new")

    assert (link.is_symlink(), file.read_text(), file.stat().st_mode & 0o777) == (True, "new", 0o640)
    assert len(list(tmp_path.iterdir())) == 2
