"""What becomes of the candidates of a run that is about to begin, from all that was fitted before."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.result import Parts, fingerprint
from bakeoff.domain.run import Run
from bakeoff.evaluation.reuse.job_provenance import parts_of
from bakeoff.evaluation.reuse.reuse_plan import Past, Prospect, prospect_of
from bakeoff.operations.context import Context
from bakeoff.store.bakeoffs import earlier_fits
from registry.code.code_reading import class_modules, code_at
from registry.code.library_versions import cell_environment


def prospects_of(
    context: Context, run: Run, candidates: Sequence[Candidate], *, fresh: bool = False
) -> list[Prospect]:
    """In the order of the candidates. `fresh`: whatever was fitted before, each is fitted."""
    root, present = context.configuration.root.resolve(), cell_environment()
    parts = _parts(run, candidates, root, present)
    digests = {model_id: fingerprint(its) for model_id, its in parts.items()}
    fits = {} if fresh else earlier_fits.with_fingerprints(context.engine, set(digests.values()))
    unknown = {model_id for model_id, digest in digests.items() if digest not in fits}
    latest = earlier_fits.latest_of(context.engine, unknown)
    return [
        prospect_of(
            candidate,
            run,
            Past(
                parts=parts[candidate.id],
                surroundings=present,
                fits=fits.get(digests[candidate.id], ()),
                latest=latest.get(candidate.id),
                fresh=fresh,
            ),
            root=root,
        )
        for candidate in candidates
    ]


def _parts(
    run: Run, candidates: Sequence[Candidate], root: Path, present: Mapping[str, str]
) -> dict[str, Parts]:
    """By id. Many candidates may be of one class, which is read once."""
    places = {candidate.id: class_modules(candidate) for candidate in candidates}
    codes = {place: code_at(place, root=root) for place in set(places.values())}
    return {
        candidate.id: parts_of(
            candidate,
            dataset=run.dataset,
            seed=run.seed,
            code=codes[places[candidate.id]],
            surroundings=present,
        )
        for candidate in candidates
    }
