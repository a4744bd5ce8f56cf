"""The fingerprint of an evaluation: with the same one, a candidate predicts the same."""

from collections.abc import Mapping

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.dataset import DatasetRef
from bakeoff.domain.provenance import Part, Parts, digest_of
from registry.code.code_reading import Code
from registry.code.library_versions import BAKEOFF


def parts_of(
    candidate: Candidate, *, dataset: DatasetRef, seed: int, code: Code, surroundings: Mapping[str, str]
) -> Parts:
    libraries = {name: version for name, version in surroundings.items() if name != BAKEOFF}
    return {
        Part.CODE: code.digest,
        Part.PARAMETERS: digest_of(_parameters(candidate)),
        Part.VERSION: digest_of(candidate.version),
        Part.DATA: digest_of([dataset.dataset_id, dataset.split_id]),
        Part.SEED: digest_of(seed),
        Part.LIBRARIES: digest_of(sorted(libraries.items())),
        Part.BAKEOFF: digest_of(surroundings.get(BAKEOFF)),
    }


def _parameters(candidate: Candidate) -> list[object]:
    return [
        candidate.path,
        dict(candidate.params),
        [[step.path, dict(step.params)] for step in candidate.steps],
        candidate.preprocess,
        candidate.output_kind,
        candidate.features,
    ]
