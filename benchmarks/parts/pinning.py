"""How long a snapshot takes, beside reading the same Parquet file; each in a process of its own, in turns.

python -m benchmarks.parts.pinning [rows] [columns] [times]

Once with the file in the memory of the machine, as after it was just written, and once from the disk. Of the
snapshot, the share that the checks of the data take (findings and profile) is told, too.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

_READ = """
import pandas
pandas.read_parquet({file!r})
"""

_PIN = """
from pathlib import Path
from bakeoff.settings.setting_definitions import DatasetSettings
from bakeoff.evaluation.datasets import pinning
from bakeoff.evaluation.datasets.pin_cache import PinRequest
from bakeoff.evaluation.datasets.pin_snapshot import pin
def timed(check):
    def run(*given):
        at = time.thread_time()
        found = check(*given)
        checks.append(time.thread_time() - at)
        return found
    return run
pinning.findings_on, pinning.profile_of = timed(pinning.findings_on), timed(pinning.profile_of)
dataset = DatasetSettings(source="parquet", path={file!r}, target="y")
place = dict(root=Path("/"), snapshots=Path({folder!r}) / {turn!r})
pin(PinRequest(dataset=dataset, name="d", **place, seed=0, test_size=0.25))
"""

_TIMED = """
import resource, sys, time
import numpy, pandas, pyarrow.parquet
checks = []
began = time.perf_counter()
{work}
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(time.perf_counter() - began, peak, sum(checks) / time.process_time())
"""


def main(rows: int = 2_000_000, columns: int = 50, times: int = 5) -> None:
    with TemporaryDirectory() as folder:
        file = str(Path(folder) / "d.parquet")
        _write(file, rows, columns)
        for where, prepare in (("memory", _warm), ("disk", _forget)):
            _compare(where, file, Path(folder) / where, times, prepare)


def _compare(where: str, file: str, folder: Path, times: int, prepare: Callable[[str], None]) -> None:
    pairs = []
    for turn in range(times):
        prepare(file)
        read = _timed(_READ.format(file=file))
        prepare(file)
        pairs.append((read, _timed(_PIN.format(file=file, folder=str(folder), turn=str(turn)))))
    for name, runs in zip(("read", "pin"), zip(*pairs, strict=True), strict=True):
        seconds, peaks, _ = zip(*runs, strict=True)
        sys.stdout.write(
            f"from {where:7} {name:5} {median(seconds):6.2f} s (median), peak {max(peaks):6.0f} MB\n"
        )
    ratios = [pinned[0] / read[0] for read, pinned in pairs]
    sys.stdout.write(f"from {where:7} ratio {median(ratios):6.2f}\n")
    checks = [pinned[2] for _, pinned in pairs]
    sys.stdout.write(f"from {where:7} checks of the data {median(checks):.1%} of the processor time of pin\n")


def _warm(file: str) -> None:
    Path(file).read_bytes()


def _forget(file: str) -> None:
    """The pages of the file that the kernel keeps."""
    descriptor = os.open(file, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def _write(file: str, rows: int, columns: int) -> None:
    import numpy as np
    import pandas as pd

    values = np.random.default_rng(0).normal(size=(rows, columns)).astype("float32")
    frame = pd.DataFrame(values, columns=[f"x{column}" for column in range(columns)])
    frame["y"] = (values[:, 0] > 0).astype("int64")
    frame.to_parquet(file)


def _timed(work: str) -> tuple[float, float, float]:
    """Seconds, the peak in MB, and of the processor time the share of the checks."""
    said = subprocess.run(
        [sys.executable, "-c", _TIMED.format(work=work)], check=True, capture_output=True, text=True
    )
    seconds, peak_mb, checks = map(float, said.stdout.split())
    return seconds, peak_mb, checks


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
