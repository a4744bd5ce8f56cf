"""What is shipped of others is what its list says, and what we ship of our own is small."""

import gzip
import hashlib
import tomllib
from importlib.resources import files

import pytest

from bakeoff.web import static_files

VENDOR = files("bakeoff.web") / "static" / "vendor"
LISTED = tomllib.loads((VENDOR / "VENDORED.toml").read_text("utf-8"))["file"]


@pytest.mark.parametrize("entry", LISTED, ids=lambda entry: entry["name"])
def test_a_file_of_others_is_unchanged_and_has_its_licence_beside_it(entry: dict[str, str]) -> None:
    assert hashlib.sha256((VENDOR / entry["name"]).read_bytes()).hexdigest() == entry["sha256"]
    assert (VENDOR / entry["license_file"]).read_text("utf-8").strip()


def test_every_file_of_others_is_listed() -> None:
    there = {entry.name for entry in VENDOR.iterdir()} - {"VENDORED.toml"}
    assert there == {entry[key] for entry in LISTED for key in ("name", "license_file")}


def test_scripts_and_style_sheets_of_our_own_take_few_bytes() -> None:
    ours = [
        content
        for name, content in static_files.contents().items()
        if name.endswith((".js", ".css")) and "/" not in name
    ]
    assert sum(len(gzip.compress(content)) for content in ours) < 24_000


def test_the_address_names_the_content_and_no_file_that_is_not_there() -> None:
    assert static_files.address("pages.css").split("/")[2] == static_files.version()
    with pytest.raises(KeyError):
        static_files.address("pages.scss")
