"""Where the files of one evaluation lie: what its cell may read, and what it leaves."""

from dataclasses import dataclass
from pathlib import Path

from bakeoff.evaluation.jobs import fit_and_predict
from bakeoff.evaluation.jobs.accept_model import outputs_at


@dataclass(frozen=True, kw_only=True)
class JobPaths:
    root: Path  #: where plugins are imported from
    closed: tuple[Path, ...]  #: what lies below it and is none of theirs
    snapshot: Path
    log: Path
    predictions: Path
    model: Path | None = None  #: None when the fitted model is not wanted

    @property
    def outputs(self) -> dict[str, Path]:
        wanted = {
            fit_and_predict.PREDICTIONS: self.predictions,
            fit_and_predict.PROBABILITIES: self.probabilities,
        }
        return wanted if self.model is None else wanted | outputs_at(self.model)

    @property
    def probabilities(self) -> Path:
        """Beside labels, if a metric may need them and the candidate knows them."""
        return self.predictions.with_suffix(".proba.npy")
