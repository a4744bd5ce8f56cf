"""False claims of whole runs: files of data, `bakeoff run`, a worker, cells, the database, stored verdicts.

All candidates of a run guess: they are equal, and equal to the dummy baseline. So each claim is false. They
share a part of their guesses, as models that learned from the same rows do.

One project and one worker serve all runs. Each run has a file of its own, with exactly as many rows of one
class as of the other: the dummy is then right in half of the test rows, like everybody else.
"""

import json
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import yaml

from bakeoff.domain.runs.verdict import Against, RunVerdict, Standing
from benchmarks.verdicts.rate_tables import Table, share
from benchmarks.verdicts.simulated_scores import right_answers, stream

_CANDIDATES = 5
_RHO = 0.6
_ROWS = 1400
_TEST_SHARE = 0.75
_METRIC = "accuracy"
_PATIENCE_S = 120.0

_PLUGIN = '''
import numpy as np


class Guess:
    """Answers what stands in a column."""

    def __init__(self, column=0):
        self.column = column

    def fit(self, X, y):
        pass

    def predict(self, X):
        return np.asarray(X)[:, self.column].astype(int)
'''


def tables(runs: int, seed: int, _only: str) -> Iterator[Table]:
    case = f"{_CANDIDATES} that guess, n={round(_ROWS * _TEST_SHARE)}"
    chance = stream(seed, case)
    false: dict[str, list[bool]] = defaultdict(list)
    with TemporaryDirectory(prefix="bakeoff-benchmark-") as folder, _project(Path(folder)) as project:
        for number in range(runs):
            verdict = _run(project, _write_data(project, number, chance))
            false["pairs"].append(any(pair.better for pair in verdict.pairs))
            false["set"].append(Standing.WORSE in verdict.standings.values())
            false["fixed"].append(
                any(one.outcome in {Against.BETTER, Against.WORSE} for one in verdict.references)
            )
            false["crowned"].append(verdict.best is not None)
    yield Table(
        title="Real runs of equal candidates: with a false claim of a kind, in %",
        figures=[share(case, kind, happened) for kind, happened in false.items()],
    )


@contextmanager
def _project(folder: Path) -> Iterator[Path]:
    """A project with its worker, which serves all runs."""
    (folder / "config").mkdir()
    (folder / "config" / "bakeoff.yaml").write_text(yaml.safe_dump({"evalWorkers": 1}))
    entries = {
        f"guess_{column}": {"path": "guesses:Guess", "params": {"column": column}, "preprocess": "none"}
        for column in range(_CANDIDATES)
    }
    (folder / "config" / "models.yaml").write_text(yaml.safe_dump({"models": entries}))
    (folder / "guesses.py").write_text(_PLUGIN)
    with _worker(folder):
        yield folder


@contextmanager
def _worker(folder: Path) -> Iterator[None]:
    log = folder / "worker.log"
    command = [sys.executable, "-m", "bakeoff.cli.main", "worker", "--config", f"{folder / 'config'}"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
    try:
        _wait(lambda: "eval@" in log.read_text() and "ready." in log.read_text(), "the worker is not ready")
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _write_data(project: Path, number: int, chance: np.random.Generator) -> Path:
    import pandas as pd

    true = chance.permutation(np.arange(_ROWS) % 2)
    right = right_answers(chance, _ROWS, _RHO, [0.5] * _CANDIDATES)
    guesses = np.where(right, true[:, np.newaxis], 1 - true[:, np.newaxis])
    frame = pd.DataFrame(
        guesses.astype(np.float64), columns=[f"guess_{place}" for place in range(_CANDIDATES)]
    )
    file = project / f"run-{number}.parquet"
    frame.assign(y=true).to_parquet(file)
    return file


def _run(project: Path, data: Path) -> RunVerdict:
    """Of a run of `bakeoff run`, the verdict that was stored when it ended."""
    arguments = ["run", f"{data}", "--target", "y", "--test-size", f"{_TEST_SHARE}", "--metrics", _METRIC]
    said = json.loads(_bakeoff(*arguments, "--fresh", "--json", "--config", f"{project / 'config'}"))
    return _stored_verdict(project, said["run"]["runId"])


def _bakeoff(*arguments: str) -> str:
    """The command in this process: to start one takes longer than such a run."""
    from typer.testing import CliRunner

    from bakeoff.cli.main import app

    done = CliRunner().invoke(app, arguments, catch_exceptions=False, prog_name="bakeoff")
    if done.exit_code:
        raise SystemExit(f"bakeoff {' '.join(arguments)} ended with code {done.exit_code}:\n{done.output}")
    return done.stdout


def _stored_verdict(project: Path, run_id: str) -> RunVerdict:
    """From the database: the command line leaves out the pairs. Whoever ended the last job is judging now."""
    from bakeoff.settings.configuration import load
    from bakeoff.store.bakeoffs.results import verdict_rows
    from bakeoff.store.database.engine_and_transactions import open_database

    engine = open_database(load(project / "config" / "bakeoff.yaml", environment={}).database_url)
    _wait(lambda: verdict_rows.of_run(engine, run_id) is not None, f"run {run_id} has no verdict")
    verdict = verdict_rows.of_run(engine, run_id)
    engine.dispose()
    assert verdict is not None  # noqa: S101 - it was there a moment ago, and nobody removes it
    return verdict


def _wait(look: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not look():
        if time.monotonic() > deadline:
            raise SystemExit(f"{otherwise} after {_PATIENCE_S:.0f} s")
        time.sleep(0.05)
