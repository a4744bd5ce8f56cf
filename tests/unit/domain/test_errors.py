"""Which field of a request is to blame goes with the error."""

import pickle

import pytest

from bakeoff.domain.errors import ConflictError, InvalidInputError, NotFoundError, RefusedError, in_field


def test_the_innermost_field_is_to_blame() -> None:
    with pytest.raises(NotFoundError) as caught, in_field("models"), in_field("models.1"):
        raise NotFoundError("there is no such candidate")

    assert caught.value.field == "models.1"
    assert str(caught.value) == "there is no such candidate"


def test_no_field_is_to_blame_unless_somebody_says_so() -> None:
    assert InvalidInputError("wrong").field is None
    assert InvalidInputError("wrong").with_field("query.limit").field == "query.limit"


def test_what_no_caller_can_mend_blames_no_field() -> None:
    with pytest.raises(RefusedError) as caught, in_field("models"):
        raise RefusedError("not good enough")

    assert not hasattr(caught.value, "field")


def test_the_field_crosses_processes() -> None:
    crossed = pickle.loads(pickle.dumps(ConflictError("it has ended").with_field("path.id")))

    assert (type(crossed), str(crossed), crossed.field) == (ConflictError, "it has ended", "path.id")
