"""The picture of a search: the best so far, and which trials were given up or failed."""

from typing import Any

from bakeoff.web.charts.plots.parameter_search_plot import MOST_STUDIES, study_plots


def trial(number: int, value: float | None, state: str = "complete") -> dict[str, Any]:
    error = "ValueError: no" if state == "failed" else ""
    return {"number": number, "params": {"depth": number}, "value": value, "state": state, "folds": [],
            "seconds": 1.0, "error": error}  # fmt: skip


def search(*trials: dict[str, Any], best: int) -> dict[str, Any]:
    return {"metric": "f1", "best": best, "value": trials[best]["value"], "trials": list(trials)}


TRIALS = (trial(0, 0.5), trial(1, 0.9), trial(2, 0.95, "pruned"), trial(3, None, "failed"), trial(4, 0.7))


def test_each_trial_has_a_mark_that_tells_how_it_ended() -> None:
    [picture] = study_plots([search(*TRIALS, best=1)], greater_is_better=True)

    text = str(picture)
    assert text.count("bo-hollow") == 1
    assert "<title>depth=3: ValueError: no</title>" in text
    assert text.count("bo-mark") == 3
    assert "f1 of 5 trials, the best is trial 2 with 0.9" in text


def heights(text: str) -> list[str]:
    """Of the line of the best so far; a greater one is lower down."""
    line = text.partition('class="bo-line')[0].rpartition('d="')[2].partition('"')[0]
    return [point.rpartition(" ")[2] for point in line.removeprefix("M").split("L")]


def test_the_line_rises_with_the_best_and_never_to_one_that_was_given_up() -> None:
    [picture] = study_plots([search(*TRIALS, best=1)], greater_is_better=True)

    ys = [float(y) for y in heights(str(picture))]
    assert ys == sorted(ys, reverse=True)
    assert len(set(ys)) == 2


def test_where_less_is_better_it_falls() -> None:
    falling = search(trial(0, 0.9), trial(1, 0.4), trial(2, 0.6), best=1)

    [picture] = study_plots([falling], greater_is_better=False)

    ys = [float(y) for y in heights(str(picture))]
    assert ys == sorted(ys)
    assert len(set(ys)) == 2


def test_many_fits_have_pictures_of_the_first_ones() -> None:
    pictures = study_plots([search(*TRIALS, best=1)] * 9, greater_is_better=True)

    assert len(pictures) == MOST_STUDIES
    assert "fit 1 of 9" in str(pictures[0])
