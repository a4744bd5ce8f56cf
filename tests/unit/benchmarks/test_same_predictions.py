import pytest

from benchmarks.bakeoffs.same_predictions import require_same

APART = {"tree": {".npy": "aa", ".proba.npy": "bb"}, "forest": {".npy": "cc"}}


def test_predictions_that_are_the_same_in_another_order_are_accepted() -> None:
    require_same(APART, dict(reversed(APART.items())), "here")


@pytest.mark.parametrize(
    ("found", "named"),
    [
        ({**APART, "forest": {".npy": "cd"}}, r"t2, reverse: forest wrote .*'cd'.*'cc'"),
        ({**APART, "tree": {".npy": "aa"}}, r"t2, reverse: tree wrote "),
        ({"tree": APART["tree"]}, r"t2, reverse: other candidates took part"),
    ],
)
def test_whatever_differs_ends_the_command_with_its_name(
    found: dict[str, dict[str, str]], named: str
) -> None:
    with pytest.raises(SystemExit, match=named):
        require_same(APART, found, "t2, reverse")
