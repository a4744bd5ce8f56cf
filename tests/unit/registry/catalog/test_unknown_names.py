"""What is said of names that the catalog does not know."""

import pytest
from fixtures.values.samples import a_candidate

from bakeoff.domain.candidate import CandidateKind
from bakeoff.domain.errors import NotFoundError
from registry.catalog.catalog_contents import CatalogContents


def said_of(wrong, ids, **catalog):
    contents = CatalogContents.of([a_candidate(id=one) for one in ids], **catalog)
    with pytest.raises(NotFoundError) as caught:
        contents.get(wrong)
    return str(caught.value).partition(" to run: ")[2]


def test_the_candidate_that_is_meant_is_named_and_those_that_there_are():
    assert said_of("rigde", ["ridge", "tree"]) == "did you mean 'ridge'? there are ridge, tree"
    assert said_of("zzz", ["ridge", "tree"]) == "there are ridge, tree"
    assert said_of("zzz", []) == "there are none at all"


def test_of_three_hundred_candidates_twenty_are_named_with_the_command_that_lists_all():
    names = [f"member_{place:03}" for place in range(300)]
    listed = ", ".join(names[:20])

    assert said_of("zzz", names) == f"there are {listed} and 280 more: `bakeoff models` lists them"
    assert said_of("member_2999", names).startswith("did you mean 'member_299'? there are member_000, ")


def test_a_signal_model_that_is_meant_is_named_too():
    contents = CatalogContents.of([a_candidate(id="trend", kind=CandidateKind.SIGNAL)])

    with pytest.raises(NotFoundError, match="no signal model 'trnd': did you mean 'trend'"):
        contents.model_config("trnd")
