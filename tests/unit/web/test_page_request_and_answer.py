import pytest

from bakeoff.web.page_request_and_answer import local_path
from bakeoff.web.page_templates import path_part


@pytest.mark.parametrize("path", ["/", "/runs?q=a", "/models/a%2Fb"])
def test_a_path_of_ours_is_kept(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "elsewhere", ["//evil", "http://evil", "/\\evil", "/a\\b", "", "evil", "/\t/evil", "/a\r\nb"]
)
def test_a_path_to_elsewhere_becomes_the_first_page(elsewhere: str) -> None:
    assert local_path(elsewhere) == "/"


@pytest.mark.parametrize(
    ("name", "part"), [("a/b", "a%2Fb"), ("sales.csv", "sales%2Ecsv"), ("v1.2", "v1.2"), ("<x>", "%3Cx%3E")]
)
def test_a_name_is_one_part_of_a_path_and_never_its_ending(name: str, part: str) -> None:
    assert path_part(name) == part
