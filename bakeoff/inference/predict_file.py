"""Predicts the rows of a file into another file, in batches, all by one version."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import listed, nearest
from bakeoff.inference.interpret_output import OutputRules
from bakeoff.inference.loaded_version import LoadedVersion, PredictionResult
from bakeoff.inference.row_readers import RowSource, open_rows
from bakeoff.inference.row_writers import open_writer
from registry.columns.compare_data_with_signature import SignatureComparison
from registry.columns.signature import Container, Signature

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

BATCH_SIZE = 10_000
PREDICTION = "prediction"

Progress = Callable[[int], None]  #: called with the number of rows done


def _no_progress(_: int) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class FilePrediction:
    """Which columns of which file one version predicts from."""

    loaded: LoadedVersion
    source: RowSource
    features: tuple[str, ...]  #: what the model sees, in the order of the file
    ids: tuple[str, ...] = ()  #: copied into the output

    @classmethod
    def of(cls, loaded: LoadedVersion, path: Path, ids: Sequence[str] = ()) -> "FilePrediction":
        source = open_rows(path, loaded.schema)
        for name in ids:
            if name not in source.names:
                raise InvalidInputError(f"{path} has no column {name!r}{nearest(name, source.names)}")
        features = _features(loaded.schema, source.names, ids)
        return cls(loaded=loaded, source=source, features=features, ids=tuple(dict.fromkeys(ids)))

    @property
    def ignored(self) -> tuple[str, ...]:
        taken = {*self.features, *self.ids}
        return tuple(name for name in self.source.names if name not in taken)

    def pieces(self, size: int) -> "Iterator[tuple[int, pd.DataFrame, pa.Table]]":
        """Yields first row's position, features, and ids. A file without rows is one empty piece."""
        import pandas as pd
        import pyarrow as pa

        first = 0
        for frame, copied in self.source.batches(self.features, self.ids, size):
            yield first, frame, copied
            first += len(frame)
        if not first:
            nothing = pa.table({name: pa.array([], pa.string()) for name in self.ids})
            yield 0, pd.DataFrame(columns=list(self.features)), nothing


def predict_file(
    work: FilePrediction,
    target: Path | None,
    *,
    probabilities: bool = False,
    batch_size: int = BATCH_SIZE,
    progress: Progress = _no_progress,
) -> int:
    """Returns the number of rows. `target` appears when all rows are written; None is standard output."""
    if target is not None and target.resolve() == work.source.path.resolve():
        raise InvalidInputError(
            f"the predictions would take the place of their input, {target}: name another"
        )
    rows = 0
    with open_writer(target) as writer:
        for first, frame, copied in work.pieces(batch_size):
            result = work.loaded.answer(
                frame, probabilities=probabilities, first_row=first, unread=work.ignored
            )
            writer.write(_table(copied, result, work.loaded.output_rules))
            rows = first + len(frame)
            progress(rows)
    return rows


def check_file(
    work: FilePrediction, *, batch_size: int = BATCH_SIZE, progress: Progress = _no_progress
) -> tuple[SignatureComparison, int]:
    """Compares all rows with the signature and returns their number. Nothing is predicted."""
    found, rows = SignatureComparison(), 0
    for first, frame, _ in work.pieces(batch_size):
        now = work.loaded.compare(frame).within(first, work.ignored)
        found = replace(
            now,
            wrong_types={**now.wrong_types, **found.wrong_types},
            gaps=tuple(dict.fromkeys([*found.gaps, *now.gaps])),
        )
        rows = first + len(frame)
        progress(rows)
    return found, rows


def _features(schema: Signature | None, names: Sequence[str], ids: Sequence[str]) -> tuple[str, ...]:
    """The columns that the model was fitted with; if their names are unknown, all but the ids."""
    known = set() if schema is None else set(schema.names)
    by_name = schema is not None and (schema.container is Container.FRAME or known <= set(names))
    return tuple(name for name in names if (name in known if by_name else name not in ids))


def _table(copied: "pa.Table", result: PredictionResult, rules: OutputRules) -> "pa.Table":
    import pyarrow as pa

    answers = {PREDICTION: result.predictions, **_probability_columns(result.probabilities, rules)}
    taken = sorted(answers.keys() & set(copied.column_names))
    if taken:
        raise InvalidInputError(f"a column to be copied is called {listed(taken)}, as is one of the answers")
    columns = {name: copied[name] for name in copied.column_names}
    return pa.table({**columns, **{name: pa.array(values) for name, values in answers.items()}})


def _probability_columns(values: NDArray[Any] | None, rules: OutputRules) -> dict[str, NDArray[Any]]:
    if values is None:
        return {}
    name = "score" if rules.beside is OutputKind.SCORE else "probability"
    if values.ndim == 1:
        return {name: values}
    labels = range(values.shape[1]) if rules.classes is None else rules.classes.tolist()
    return {f"{name}_{label}": column for label, column in zip(labels, values.T, strict=True)}
