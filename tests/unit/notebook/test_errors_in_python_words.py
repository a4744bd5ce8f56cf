import pytest

from bakeoff.domain.errors import ConflictError, InvalidInputError
from bakeoff.notebook.errors_in_python_words import in_names_of_python, python_names


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("this is no request for a run: design.folds is 0", "folds is 0"),
        ("design.group is 3", "groups is 3"),
        ("saveAs is 'm', positiveLabel 1", "save_as is 'm', positive_label 1"),
        (
            "by `dropUnlabelled: true` in the dataset's entry or --drop-unlabelled",
            "by `drop_unlabelled=True`",
        ),
        (
            "by `encoding: latin-1` in the dataset's entry or --encoding latin-1, or",
            'by `encoding="latin-1"`, or',
        ),
        (
            "if it is numbers, give the dataset `task: regression`",
            'if it is numbers, give `task="regression"`',
        ),
        ("say --group shop, or --time day", 'say `groups="shop"`, or `time="day"`'),
        ("say --seal 0, or ask for one split", "say `seal=0`, or ask for one split"),
        ("leave out --sep and --encoding", "leave out separator and encoding"),
        ("`bakeoff models` shows which candidates learn classes", "give a classifier"),
        (
            "such as 'a': write dates as 2026-01-31, or say dtypes: {day: datetime}",
            "such as 'a': give datetimes, such as `pd.to_datetime(day)`",
        ),
        (
            "a scorer of scikit-learn, or package.module:function",
            "a scorer of scikit-learn, or a function f(y_true, y_pred)",
        ),
        (
            "start the run with --importance, as in `bakeoff run iris --importance`",
            "give `importance=True`",
        ),
        (
            "write `--costs false_positive=1,false_negative=10`, with numbers",
            'write `costs={"false_positive": 1, "false_negative": 10}`, with numbers',
        ),
        ("modelRegistry.backend is none", "modelRegistry.backend is none"),
        ("the mean of a--b is 3 - 4", "the mean of a--b is 3 - 4"),
    ],
)
def test_options_have_the_names_of_arguments(said: str, told: str) -> None:
    assert python_names(said) == told


def test_an_error_keeps_its_kind_and_names_the_data_as_they_were_given() -> None:
    with (
        pytest.raises(ConflictError, match=r"^no column 'a' in X: leave out separator$"),
        in_names_of_python({"/cache/1.parquet": "X"}),
    ):
        raise ConflictError("no column 'a' in /cache/1.parquet: leave out --sep")


def test_another_error_is_left_as_it_is() -> None:
    class OwnError(InvalidInputError):
        pass

    with pytest.raises(OwnError, match="--sep"), in_names_of_python({}):
        raise OwnError("leave out --sep")
