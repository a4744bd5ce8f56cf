"""Metrics and datasets that nobody should have written. Each does one thing."""

import ctypes
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd

SECRET = "SECRET_OF_THE_WORKER"


def honest(y_true, y_pred):
    return float((y_true == y_pred).mean())


def cost(y_true, y_pred):
    return float((y_true != y_pred).sum())


cost.greater_is_better = False


def crashes(y_true, y_pred):
    ctypes.string_at(0)


def hangs(y_true, y_pred):
    time.sleep(600)


def exits(y_true, y_pred):
    os._exit(0)


def leaves(y_true, y_pred):
    sys.exit(3)


def raises(y_true, y_pred):
    raise RuntimeError("no licence")


def forks(y_true, y_pred):
    if os.fork() == 0:
        time.sleep(600)
    return 1.0


def starts_a_thread(y_true, y_pred):
    threading.Thread(target=time.sleep, args=(600,)).start()
    return 1.0


def prints(y_true, y_pred):
    print("hello from a metric")
    return 1.0


def mutates(y_true, y_pred):
    y_true[:] = y_pred[:] = 0
    return 1.0


def returns_nan(y_true, y_pred):
    return np.nan


def returns_text(y_true, y_pred):
    return "0.99"


def returns_an_array(y_true, y_pred):
    return np.ones(1)


def returns_nothing(y_true, y_pred):
    return None


def allocates(y_true, y_pred):
    return float(len([bytearray(1 << 20) for _ in range(4096)]))


def kills_its_parent(y_true, y_pred):
    os.kill(os.getppid(), signal.SIGKILL)
    return 1.0


def forges(y_true, y_pred):
    """Writes a report of its own to every descriptor that is open."""
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b'{"end": "returned", "value": {"value": 1e9, "sums": [1]}}\n')
        except OSError:
            continue
    os._exit(0)


def _read(path):
    try:
        Path(path).read_bytes()
    except OSError:
        return 0.0
    return 1.0


def _readable_below(folder):
    found = 0
    for place, _, files in os.walk(folder):
        found += sum(_read(Path(place, name)) for name in files)
    return float(found)


def _project():
    return Path(__file__).parent


def reads_the_database(y_true, y_pred):
    return _read(_project() / "data" / "bakeoff.db") + _read(_project() / "data" / "bakeoff.sqlite")


def reads_the_configuration(y_true, y_pred):
    return _read(_project() / "config" / "bakeoff.yaml")


def reads_the_data(y_true, y_pred):
    return _read(_project() / "data.csv")


def reads_logs(y_true, y_pred):
    return _readable_below(_project() / "data" / "logs")


def reads_the_environment(y_true, y_pred):
    return float(
        SECRET in os.environ or any(SECRET in _environment_of(place) for place in Path("/proc").iterdir())
    )


def _environment_of(pid):
    try:
        return (pid / "environ").read_text("latin-1")
    except OSError:
        return ""


def writes_beside_itself(y_true, y_pred):
    try:
        (_project() / "written.txt").write_text("here")
    except OSError:
        return 0.0
    return 1.0


def uses_the_network(y_true, y_pred):
    reached = 0.0
    for family, address in ((socket.AF_INET, ("127.0.0.1", 9)), (socket.AF_INET6, ("::1", 9))):
        try:
            with socket.socket(family) as connection:
                connection.settimeout(1)
                connection.connect(address)
        except ConnectionRefusedError:
            reached += 1.0
        except OSError:
            pass
    return reached


def a_frame():
    return pd.DataFrame(
        {"x": [1.5, None, 3.0], "word": ["a", None, "c"], 7: [True, False, True], "y": [0, 1, 0]}
    )


def a_frame_of_many_types():
    frame = a_frame()
    return frame.assign(
        day=pd.to_datetime(["2024-01-01", "2024-01-02", None]),
        kind=frame["word"].astype("category"),
        whole=pd.array([1, None, 3], dtype="Int64"),
    )


def a_frame_of_mixed_values():
    return pd.DataFrame({"mixed": [1, "a", None], "y": [0, 1, 0]})


def a_frame_with_two_columns_of_a_name():
    return pd.DataFrame([[1, 2, 0]], columns=["a", "a", "y"])


def a_frame_after_an_exit():
    os._exit(4)


def a_frame_after_a_crash():
    ctypes.string_at(0)


def a_frame_of_what_it_reached():
    """One row: what it could read, write and reach. Nothing is hidden from it but what is not its own."""
    project = _project()
    return pd.DataFrame(
        {
            "configuration": [_read(project / "config" / "bakeoff.yaml")],
            "data_folder": [_readable_below(project / "data")],
            "other_file": [_read((project / "place.txt").read_text())],
            "environment": [reads_the_environment(None, None)],
            "network": [uses_the_network(None, None)],
            "written": [writes_beside_itself(None, None)],
            "y": [0],
        }
    )


def a_frame_some_day():
    time.sleep(600)
