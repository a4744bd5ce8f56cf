"""Items, scores and labels in the database."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from bakeoff.domain.errors import InfrastructureError, NotFoundError
from bakeoff.domain.scored_and_labelled_item import Intake, Item, Label, Score
from bakeoff.store.database.engine_and_transactions import reading, writing
from bakeoff.store.feedback import feedback_items, feedback_labels

NOTHING = Score(value=0.0, version="baseline")
BY_MODEL = Score(value=0.5, version="models:/churn/1.0.0")


def an_item(item_id: str = "a", **features: object) -> Item:
    return Item(id=item_id, features=features or {"x": 1, "kind": "blue", "seen": True, "size": None})


def send(engine: Engine, *sent: Item, score: Score = NOTHING) -> Intake:
    return feedback_items.add(engine, [(item, score) for item in sent])


def scores(engine: Engine) -> dict[str, tuple[float, str] | None]:
    """By id, in the order in which they came."""
    found = reversed(feedback_items.page(engine, limit=100))
    return {one.item.id: (one.score.value, one.score.version) if one.score else None for one in found}


def say(engine: Engine, *said: tuple[str, object, str]) -> Intake:
    return feedback_labels.add(engine, [Label(item_id=item, value=value, by=by) for item, value, by in said])


def test_an_item_and_its_score_are_read_as_they_were_written(engine: Engine) -> None:
    assert send(engine, an_item(), score=BY_MODEL) == Intake(new=1)

    [stored] = feedback_items.page(engine, limit=10)

    assert stored.item == Item(id="a", features={"x": 1, "kind": "blue", "seen": True, "size": None})
    assert stored.score == BY_MODEL
    assert stored.scored_at == stored.received_at


def test_the_same_again_is_nothing_and_keeps_its_score(engine: Engine) -> None:
    send(engine, an_item(), score=BY_MODEL)
    before = feedback_items.page(engine, limit=10)

    assert send(engine, an_item()) == Intake(unchanged=1)
    assert feedback_items.page(engine, limit=10) == before


@pytest.mark.parametrize("changed", [{"x": 2}, {"x": True}, {"x": 1, "y": 1}])
def test_other_features_are_the_same_item_and_another_score(engine: Engine, changed: dict) -> None:
    send(engine, an_item(x=1), score=BY_MODEL)

    assert send(engine, an_item(**changed)) == Intake(changed=1)
    [stored] = feedback_items.page(engine, limit=10)
    assert (stored.item.features, stored.score) == (changed, NOTHING)


def test_of_an_id_that_comes_twice_at_once_the_last_one_counts(engine: Engine) -> None:
    assert send(engine, an_item(x=1), an_item(x=2)) == Intake(new=1)
    assert [one.item.features for one in feedback_items.page(engine, limit=10)] == [{"x": 2}]


def test_a_score_outside_of_its_bounds_is_not_written_and_nor_is_what_came_with_it(engine: Engine) -> None:
    wrong = Score(value=1.001, version="models:/odd/1.0.0")

    for value in (wrong, Score(value=-1.001, version="v")):
        with pytest.raises(InfrastructureError, match="score_bounded"):
            feedback_items.add(engine, [(an_item("a"), NOTHING), (an_item("b"), value)])

    assert feedback_items.page(engine, limit=10) == []


@pytest.mark.parametrize("part", ["relevance_score = NULL", "score_version = NULL", "scored_at = NULL"])
def test_a_score_has_a_version_and_a_time_or_there_is_none(engine: Engine, part: str) -> None:
    send(engine, an_item())

    with pytest.raises(InfrastructureError, match="score_has"), writing(engine) as connection:
        connection.execute(text(f"UPDATE results SET {part}"))


def test_what_a_version_has_not_scored_is_found_in_the_order_in_which_it_came(engine: Engine) -> None:
    send(engine, an_item("a"), score=BY_MODEL)
    send(engine, an_item("b"), an_item("c"), an_item("d"))
    with writing(engine) as connection:
        connection.execute(
            text(
                "UPDATE results SET relevance_score = NULL, scored_at = NULL, score_version = NULL "
                "WHERE id = 'c'"
            )
        )

    def found(version: str | None, after: int = 0, limit: int = 10) -> list[str]:
        return [
            one.item.id for one in feedback_items.to_score(engine, version=version, after=after, limit=limit)
        ]

    assert found(BY_MODEL.version) == ["b", "c", "d"]
    assert found(BY_MODEL.version, limit=2) == ["b", "c"]
    assert found(BY_MODEL.version, after=3) == ["d"]
    assert found(None) == ["c"]


def test_an_item_that_came_anew_while_it_was_scored_keeps_the_score_of_its_features(engine: Engine) -> None:
    send(engine, an_item("a", x=1), an_item("b", x=1))
    read = feedback_items.to_score(engine, version=BY_MODEL.version, after=0, limit=10)
    send(engine, an_item("a", x=2))

    feedback_items.set_scores(engine, [(one, BY_MODEL) for one in read])

    assert scores(engine) == {"a": (0.0, "baseline"), "b": (0.5, "models:/churn/1.0.0")}


def test_pages_are_newest_first_and_of_one_version_if_asked(engine: Engine) -> None:
    send(engine, an_item("a"), score=BY_MODEL)
    send(engine, an_item("b"), an_item("c"))

    def ids(**asked: object) -> list[str]:
        return [one.item.id for one in feedback_items.page(engine, limit=2, **asked)]

    assert ids() == ["c", "b"]
    assert ids(before=2) == ["a"]
    assert ids(version="baseline") == ["c", "b"]
    assert ids(version=BY_MODEL.version) == ["a"]


def test_twenty_senders_of_one_item_make_one_item(engine: Engine) -> None:
    found: list[Intake] = []
    senders = [threading.Thread(target=lambda: found.append(send(engine, an_item()))) for _ in range(20)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()

    assert sorted((one.new, one.unchanged) for one in found) == [(0, 1)] * 19 + [(1, 0)]
    assert len(feedback_items.page(engine, limit=10)) == 1


def test_of_each_who_says_something_the_last_word_is_kept(engine: Engine) -> None:
    send(engine, an_item("a"), an_item("b"))

    assert say(engine, ("a", "good", "ada"), ("a", "bad", "bob"), ("b", 1, "ada")) == Intake(new=3)
    assert say(engine, ("a", "good", "ada"), ("b", True, "ada")) == Intake(changed=1, unchanged=1)

    found = {
        (one.label.item_id, one.label.by): one.label.value for one in feedback_labels.page(engine, limit=10)
    }
    assert found == {("a", "ada"): "good", ("a", "bob"): "bad", ("b", "ada"): True}
    assert [one.label.by for one in feedback_labels.page(engine, limit=10, item_id="a")] == ["bob", "ada"]
    assert [one.label.item_id for one in feedback_labels.page(engine, limit=1, before=3)] == ["a"]


def test_labels_of_what_is_not_there_are_refused_with_all_that_came_with_them(engine: Engine) -> None:
    send(engine, an_item("a"))

    with pytest.raises(NotFoundError) as refused:
        say(engine, ("a", "good", "ada"), ("b", "bad", "ada"))

    assert str(refused.value) == "there are no results 'b': send results before their labels"
    assert feedback_labels.page(engine, limit=10) == []


def test_the_newest_label_of_an_item_is_what_it_is(engine: Engine) -> None:
    send(engine, *(an_item(item_id, x=place) for place, item_id in enumerate("abc")))
    say(engine, ("c", "bad", "ada"), ("a", "bad", "ada"))
    say(engine, ("a", "good", "bob"))

    assert feedback_labels.labelled_items(engine) == [({"x": 0}, "good"), ({"x": 2}, "bad")]

    say(engine, ("a", "never mind", "ada"))
    assert feedback_labels.labelled_items(engine)[0] == ({"x": 0}, "never mind")


def test_times_are_those_of_the_database_and_rise(engine: Engine) -> None:
    send(engine, an_item("a"))
    say(engine, ("a", "good", "ada"))
    [first] = feedback_labels.page(engine, limit=1)

    say(engine, ("a", "bad", "ada"))
    [second] = feedback_labels.page(engine, limit=1)

    assert timedelta(0) < second.at - first.at < timedelta(minutes=1)
    assert second.position == first.position
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM feedback_labels")).scalar_one() == 1
