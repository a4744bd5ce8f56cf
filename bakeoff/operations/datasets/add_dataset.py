"""A file becomes a dataset of the configuration, once it is known that runs can read it."""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import quoted
from bakeoff.evaluation.planning.declared_run_options import RunSpec
from bakeoff.evaluation.planning.run_plan import FILE_SOURCES
from bakeoff.operations.context import Context
from bakeoff.operations.datasets.dataset_overview import CheckedDataset, check_dataset
from bakeoff.settings.add_yaml_entry import replace_text, with_entry
from bakeoff.settings.configuration import DEFAULT_FILE, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakeoff.evaluation.datasets.canonical_column import Field

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, kw_only=True)
class AddedDataset:
    name: str
    entry: Mapping[str, Any]  #: as it stands in the file
    file: Path  #: of the configuration
    found: CheckedDataset
    fields: "Sequence[Field]"  #: the features, as they were read

    def to_record(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "entry": dict(self.entry),
            "file": str(self.file),
            "features": [{"name": field.name, "type": field.type} for field in self.fields],
            **self.found.to_record(),
        }


def add_dataset(context: Context, name: str, data: Path, options: Mapping[str, Any]) -> AddedDataset:
    """Reads the data as a run would do, and only then writes the entry. Nothing is written if that fails.

    `options`: what the entry says besides source and path, by the keys of the file.
    """
    from bakeoff.operations.datasets.dataset_overview import columns_of

    configuration = context.configuration
    if not _NAME.fullmatch(name):
        raise InvalidInputError(
            f"{quoted(name)} is no name of a dataset: up to 100 letters, digits, `.`, `_`, `-`, a letter or "
            "digit first"
        )
    file = configuration.file or configuration.root / DEFAULT_FILE
    entry = {"source": _source(data), "path": _path(data, configuration.root), **options}
    text = with_entry(file, "datasets", name, entry)
    # Checked as a file beside it: relative paths are the same there, and problems name their line.
    draft = file.with_name(f".adding-{os.getpid()}-{file.name}")
    try:
        replace_text(draft, text)
        candidate = Context(load(draft))
        found = check_dataset(candidate, RunSpec(dataset=name))
        _check_positive_label(candidate, name, found)
        fields = columns_of(candidate, found.dataset)
    except InvalidInputError as exc:
        raise InvalidInputError(f"not added: {str(exc).replace(str(draft), str(file))}") from exc
    finally:
        with suppress(OSError):
            draft.unlink()
    # Made once more: while the data were read, somebody may have changed the file.
    replace_text(file, with_entry(file, "datasets", name, entry))
    return AddedDataset(name=name, entry=entry, file=file, found=found, fields=fields)


def _check_positive_label(context: Context, name: str, found: CheckedDataset) -> None:
    """As a run does: it would refuse a label that is no class of the target."""
    from bakeoff.evaluation.datasets.read_snapshot import classes
    from bakeoff.evaluation.datasets.snapshot_layout import folder_of
    from bakeoff.evaluation.metrics.run_scoring_options import resolve_rules

    configuration, data = context.configuration, found.dataset
    resolve_rules(
        target_kind=data.target_kind,
        classes=list(classes(folder_of(configuration.snapshots, data.dataset_id, data.split_id))),
        positive_label=configuration.settings.datasets[name].positive_label,
    )


def _source(data: Path) -> str:
    source = FILE_SOURCES.get(data.suffix.lower())
    if source is None:
        raise InvalidInputError(
            f"{data} is no .csv or .parquet file: save or convert it as one of these, or write an entry of "
            f"another source under `datasets` in {DEFAULT_FILE}"
        )
    return str(source)


def _path(data: Path, root: Path) -> str:
    """Relative to the project if it lies there, so that the project can be moved."""
    place = data.absolute()
    if not place.is_file():
        raise InvalidInputError(f"there is no file {data}: name one that is there")
    with suppress(ValueError):
        return str(Path(os.path.normpath(place)).relative_to(root.absolute()))
    return str(place)
