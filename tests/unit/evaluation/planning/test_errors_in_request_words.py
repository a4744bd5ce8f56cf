import pytest

from bakeoff.evaluation.planning.errors_in_request_words import IN_FORM, in_request_words


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("say how many, such as --folds 5", "say how many, such as `design.folds: 5`"),
        ("say how many, such as --folds 5, or", "say how many, such as `design.folds: 5`, or"),
        ("say --group shop, or --time day", "say `design.group: shop`, or `design.time: day`"),
        ("leave out --fold-column", "leave out design.foldColumn"),
        ("say --seal 0, or ask for one split", "say `seal: 0`, or ask for one split"),
        ("say --no-stratify", "say `design.stratify: false`"),
        ("a run with --repeat-check", "a run with `repeatCheck: true`"),
        (
            "write `--costs false_positive=1,false_negative=10`, with numbers of yours",
            'write `costs: {"false_positive": 1, "false_negative": 10}`, with numbers of yours',
        ),
        (
            "start the run with --importance, as in `bakeoff run iris --importance`",
            "start the run with `importance: true`",
        ),
        (
            "set `enabled: true` in the catalog file, or add `--with slow`",
            "set `enabled: true` in the catalog file",
        ),
        (
            "by `encoding: latin-1` in the dataset's entry or --encoding latin-1, or save it as UTF-8",
            "by `encoding: latin-1` in the dataset's entry, or save it as UTF-8",
        ),
        (
            "`bakeoff run iris --models a,b --fresh` fits them",
            "`bakeoff run iris --models a,b --fresh` fits them",
        ),
        ("the mean of a--b is 3 - 4", "the mean of a--b is 3 - 4"),
    ],
)
def test_options_have_the_names_of_keys(said: str, told: str) -> None:
    assert in_request_words(said) == told


def test_what_somebody_typed_stays_as_it_was_typed() -> None:
    said = "there is no dataset '--folds 5': the candidates' folds are those of --folds 3, and 'a' is none"

    assert in_request_words(said) == said.replace("--folds 3", "`design.folds: 3`")


def test_a_form_has_the_fields_of_a_design_beside_the_others() -> None:
    assert (
        in_request_words("such as --folds 5, or --seal 0", design=IN_FORM)
        == "such as `folds: 5`, or `seal: 0`"
    )
