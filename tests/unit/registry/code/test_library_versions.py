"""Our own version: a digest of our sources, which are looked at now and then."""

from types import SimpleNamespace

import pytest

from registry.code import library_versions
from registry.code.library_versions import own_version


def test_our_sources_are_looked_at_once_a_second_and_a_change_is_seen_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, looks = [100.0], []

    def look() -> list[tuple[str, int, int]]:
        looks.append(now[0])
        return [("a", len(looks), 1)]

    monkeypatch.setattr(library_versions, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(library_versions, "_own_files", look)
    monkeypatch.setattr(library_versions, "_version_and_digest", repr)
    library_versions._own_files_at.cache_clear()

    first, again = own_version(), own_version()
    now[0] = 101.0
    later = own_version()
    library_versions._own_files_at.cache_clear()

    assert looks == [100.0, 101.0]
    assert first == again != later
