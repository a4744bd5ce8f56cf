"""The design that a run asks for, and what becomes of it together with what the dataset says of itself.

A dataset may say in which column its groups, its times or its folds stand. A run uses that, unless it asks
for something else itself. What cannot be had together is refused here, before any data are read.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from bakeoff.domain.errors import InvalidInputError, in_field
from bakeoff.domain.metric_names_and_scoring_rules import is_custom
from bakeoff.domain.snapshot_reference_and_split_design import FEWEST_SEEDS, MOST_FITS, Design
from bakeoff.domain.wording import quoted
from bakeoff.evaluation.planning.parse_request_bodies import Body, HelpPanel, OnCommandLine
from bakeoff.settings.setting_definitions import DatasetSettings

_DESIGN = HelpPanel.DESIGN


class DesignRequest(Body):
    folds: Annotated[int | None, OnCommandLine(panel=_DESIGN, metavar="K")] = Field(
        None, ge=1, le=100, description="Test every row once, in K folds; 1: one split."
    )
    repeats: Annotated[int, OnCommandLine(panel=_DESIGN, metavar="R")] = Field(
        1, ge=1, le=100, description="Deal the rows to the folds R times."
    )
    stratify: Annotated[
        bool, OnCommandLine(panel=_DESIGN, help="Do not give each part its share of each class.")
    ] = Field(True, description="Give each part its share of each class.")
    group: Annotated[str | None, OnCommandLine(panel=_DESIGN, metavar="COLUMN")] = Field(
        None, min_length=1, description="Never train and test on rows of one group."
    )
    time: Annotated[str | None, OnCommandLine(panel=_DESIGN, metavar="COLUMN")] = Field(
        None, min_length=1, description="Test on the latest rows; folds are windows that expand."
    )
    gap: Annotated[int, OnCommandLine(panel=_DESIGN, metavar="N")] = Field(
        0, ge=0, description="Rows left out between training and test, with time."
    )
    fold_column: Annotated[str | None, OnCommandLine(panel=_DESIGN, metavar="COLUMN")] = Field(
        None, min_length=1, description="Rows with the same value are one fold."
    )
    weight: Annotated[str | None, OnCommandLine(panel=_DESIGN, metavar="COLUMN")] = Field(
        None, min_length=1, description="How much each row counts, in the fit and in the metrics."
    )
    seeds: Annotated[int, OnCommandLine(panel=_DESIGN, metavar="R")] = Field(
        1, ge=1, le=50, description="Fit each candidate with R seeds, to compare recipes; 3 or more."
    )


def design_of(request: DesignRequest | None, dataset: DatasetSettings) -> Design:
    """The design of a run. With a fold column the number of folds is known when the data have been read."""
    asked = request or DesignRequest()
    with in_field("design"):
        _refuse_contradictions(asked)
        _refuse_a_second_split(asked, dataset)
    fold_column = asked.fold_column
    if fold_column is None and asked.folds is None and asked.time is None:
        fold_column = dataset.fold_column
    time, group = asked.time, asked.group
    if group is None and time is None:
        group = dataset.group
        time = None if fold_column else dataset.time
    if group is not None and time is not None:
        raise InvalidInputError(
            f"the dataset has groups in {group!r} and times in {time!r}, and one run goes by one of them: "
            f"say --group {group}, or --time {time}"
        ).with_field("design")
    design = Design(
        folds=asked.folds or 1,
        repeats=asked.repeats,
        stratify=asked.stratify,
        group=group,
        time=time,
        gap=asked.gap,
        fold_column=fold_column,
        weight=asked.weight or dataset.weight,
        seeds=asked.seeds,
    )
    with in_field("design"):
        _refuse_what_does_not_fit(design)
    return design


def refuse_seal(seal: float, design: Design) -> None:
    """Sealed rows would be trained on in other folds, or be of the groups that are open."""
    if not seal:
        return
    if design.has_folds:
        raise InvalidInputError(
            f"seal is {seal:g}, and with folds every row is trained on in another one, so none can stay "
            "unseen: say --seal 0, or ask for one split"
        )
    if design.group is not None:
        raise InvalidInputError(
            f"seal is {seal:g}, and rows of one {design.group!r} would be sealed and open: say --seal 0"
        )


def refuse_race(design: Design, metrics: Sequence[str]) -> None:
    """A race compares all candidates after each fold, and takes the folds for draws of the same kind."""
    if not design.has_folds:
        raise InvalidInputError(
            "race is true, and a race stops candidates between folds, of which there are none: say how "
            "many, such as --folds 5"
        )
    if design.time is not None:
        raise InvalidInputError(
            f"race is true, and in the order of {design.time} the first folds have the fewest rows to learn "
            "from, so who is behind there may lead in the end: leave race out"
        )
    if design.seeds > 1:
        raise InvalidInputError(
            f"race is true and seeds is {design.seeds}, and a race fits each fold once: leave one of them out"
        )
    if metrics and is_custom(metrics[0]):
        raise InvalidInputError(
            f"race is true, and {quoted(metrics[0])}, which ranks, is a function that is called after the "
            "last fold: name a built-in metric before it, or leave race out"
        )


def refuse_spread(design: Design, *, race: bool) -> None:
    if race:
        raise InvalidInputError(
            "race and spread are true, and a race decides after each fold who is fitted on the next one: "
            "leave one of them out"
        )
    if not design.has_folds:
        raise InvalidInputError(
            "spread is true, which gives each fold a job of its own, and there are no folds: say how many, "
            "such as --folds 5, or leave it out"
        )


def _refuse_contradictions(asked: DesignRequest) -> None:
    if asked.group is not None and asked.time is not None:
        raise InvalidInputError(
            f"group is {quoted(asked.group)} and time is {quoted(asked.time)}, and one run goes by one of "
            "them: leave one out"
        )
    if asked.fold_column is None:
        return
    said = {"folds": asked.folds is not None, "repeats": asked.repeats > 1, "time": asked.time is not None}
    for key, is_given in said.items():
        if is_given:
            raise InvalidInputError(
                f"foldColumn is {quoted(asked.fold_column)}, which says what is tested when: leave {key} out"
            )


def _refuse_a_second_split(asked: DesignRequest, dataset: DatasetSettings) -> None:
    given = next((key for key in ("split_column", "test_path") if getattr(dataset, key) is not None), None)
    wants_folds = (asked.folds or 1) > 1 or asked.fold_column is not None
    if given is not None and wants_folds:
        key = {"split_column": "splitColumn", "test_path": "testPath"}[given]
        raise InvalidInputError(
            f"the dataset says by {key} which rows are tested, so there are no folds to make: leave folds "
            f"and foldColumn out, or remove {key} from the dataset"
        )


def _refuse_what_does_not_fit(design: Design) -> None:
    if 1 < design.seeds < FEWEST_SEEDS:
        raise InvalidInputError(
            f"seeds is {design.seeds}: it takes {FEWEST_SEEDS} to tell how much fits differ, and 5 are "
            "a good number"
        )
    if design.fits > MOST_FITS:
        raise InvalidInputError(
            f"{design.title} are {design.fits:,} fits of each candidate: {MOST_FITS:,} are the most"
        )
    if design.gap and design.time is None:
        raise InvalidInputError(
            f"gap is {design.gap}, and without time no row comes before another: name the column of the time"
        )
    if design.repeats == 1:
        return
    if design.time is not None:
        raise InvalidInputError(
            f"repeats is {design.repeats}, and the order of {design.time} gives the same folds each time: "
            "leave repeats out"
        )
    if design.fold_column is not None:
        raise InvalidInputError(
            f"repeats is {design.repeats}, and {design.fold_column} gives the same folds each time: leave "
            "repeats out, or say how many folds to deal the rows to"
        )
    if not design.has_folds:
        raise InvalidInputError(
            f"repeats is {design.repeats}, and one split is made once: say how many folds, such as 5"
        )
