"""Describes an exception of untrusted code, whose class and text may raise errors themselves or be huge."""

import errno
import importlib
import os
import resource
import traceback
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from bakeoff.cell.host.cell_outcome import End, Failure
from bakeoff.cell.inside.cell_api import FULL, EntryFailure, NoRoomError

MESSAGE_CHARS = 4000
TRACEBACK_CHARS = 16000
_FRAMES = 60
#: What Hugging Face's libraries raise for weights that are neither in their cache nor to be had.
_NOT_CACHED = frozenset(
    {"LocalEntryNotFoundError", "OfflineModeIsEnabled", "GatedRepoError", "RepositoryNotFoundError"}
)
_ALMOST_FULL_BYTES = 64 * 1024
_OURS = tuple(str(Path(__file__).with_name(f"{name}.py")) for name in ("cell_main", "cell_api"))
_IMPORTING = (importlib.__file__, "<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>")


def describe(error: BaseException, *, entry_file: str) -> Failure:
    """The exception as text. Its traceback starts at the plugin's code, beyond the file of the entry."""
    if isinstance(error, EntryFailure):
        return _as_reported(error)
    return Failure(
        type=_bounded(_class_name(error), 200),
        message=_bounded(_message(error), MESSAGE_CHARS),
        traceback=_bounded(_traceback(error, entry_file), TRACEBACK_CHARS),
        hint=hint_for(error),
    )


def end_of(error: BaseException, scratch: Path) -> End:
    if isinstance(error, NoRoomError):
        return End.NO_ROOM
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return End.MEMORY
    return End.SCRATCH_FULL if isinstance(error, OSError) and _is_full(error, scratch) else End.RAISED


def _is_full(error: OSError, scratch: Path) -> bool:
    with suppress(OSError):
        room = os.statvfs(scratch)
        has_no_names = room.f_files > 0 and room.f_favail == 0
        return has_no_names or room.f_bavail * room.f_frsize < _ALMOST_FULL_BYTES
    return error.errno in FULL


def _as_reported(failure: EntryFailure) -> Failure:
    return Failure(
        type=_bounded(str(failure.type), 200),
        message=_bounded(str(failure.message), MESSAGE_CHARS),
        traceback=_bounded(str(failure.traceback), TRACEBACK_CHARS),
        hint=_bounded(str(failure.hint), MESSAGE_CHARS),
    )


def _class_name(error: BaseException) -> str:
    return str(type.__dict__["__name__"].__get__(type(error)))  # not `__name__` as a metaclass may define it


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as second:  # noqa: BLE001 - __str__ of an untrusted class may raise anything
        return f"<its message cannot be printed: __str__ raised {_class_name(second)}>"


def _traceback(error: BaseException, entry_file: str) -> str:
    try:
        start = _first_plugin_frame(error.__traceback__, entry_file)
        described = traceback.TracebackException(type(error), error, start, limit=-_FRAMES)
        return "".join(described.format())
    except BaseException as second:  # noqa: BLE001 - formatting calls untrusted code, which may raise anything
        return f"<the traceback cannot be printed: {_class_name(second)}>"


def _first_plugin_frame(start: TracebackType | None, entry_file: str) -> TracebackType | None:
    """The frame at which the traceback starts; a frame of the entry if the entry itself raised."""
    ours = (*_OURS, *_IMPORTING)
    return _first_beyond((entry_file, *ours), start) or _first_beyond(ours, start) or start


def _first_beyond(files: tuple[str, ...], start: TracebackType | None) -> TracebackType | None:
    frame = start
    while frame is not None and frame.tb_frame.f_code.co_filename in files:
        frame = frame.tb_next
    return frame


def hint_for(error: BaseException | None) -> str:
    """What to do about an exception that the limits of a cell, or what it is given, explain; else empty."""
    if isinstance(error, PermissionError) and error.errno == errno.EPERM and error.filename is None:
        return (
            "A cell may signal or change only processes that it started, and has no administrator's rights. "
            "A custom metric or dataset function has no network."
        )
    if isinstance(error, PermissionError):
        return _hint_on_closed_files(error.filename)
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        most_mb = resource.getrlimit(resource.RLIMIT_FSIZE)[0] // 2**20
        return f"A file that a cell writes may have {most_mb:,} MB at most."
    if isinstance(error, MemoryError):
        return "It asked for more memory than its limit allows."
    return _hint_on_surroundings(error) or _hint_on_data(error)


def _hint_on_closed_files(name: object) -> str:
    if not isinstance(name, str | bytes):
        return "In a cell only the libraries, its scratch folder and what it was given can be opened."
    if not _is_closed_to_readers(name):
        return (
            "A cell writes to its scratch folder alone, in which it starts; all else is for reading at most."
        )
    return (
        "In a cell only the libraries, its scratch folder and what it was given can be opened. "
        f"`readable: [{_short(os.fsdecode(name))}]` in its entry opens a file or folder beside the project."
    )


def _is_closed_to_readers(name: str | bytes) -> bool:
    """Tried out, as the error does not say whether it was to be read or written. One that is not there was to
    be made.
    """
    try:
        os.close(os.open(name, os.O_RDONLY | os.O_NONBLOCK))
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return False


def _hint_on_surroundings(error: BaseException | None) -> str:
    """For what is there in the shell of its author, and not in a cell."""
    if isinstance(error, KeyError) and _raised_in(error, os.__name__):
        return (
            f"A cell has few variables of the environment: `env: [{_short(error.args[0])}]` in its entry "
            "passes this one on from that of the worker (and set it where the worker was started)."
        )
    home = os.environ.get("HOME", "")
    if isinstance(error, FileNotFoundError) and f"{error.filename}".startswith(f"{home}/."):
        below = f"{error.filename}".removeprefix(f"{home}/")
        depth = 3 if below.startswith(".cache/huggingface/") else 2 if below.startswith(".cache/") else 1
        folder = "/".join(below.split("/")[:depth])
        return (
            f"HOME is an empty folder in a cell: `readable: [~/{_short(folder)}]` in its entry shows that "
            "of the worker there."
        )
    if error is not None and _class_name(error) in _NOT_CACHED:
        return (
            "Weights that were loaded before are found with `readable: [~/.cache/huggingface/hub]` in its "
            "entry; `env: [HF_TOKEN]` passes a token on."
        )
    return ""


def _raised_in(error: BaseException, module: str) -> bool:
    frames = list(traceback.walk_tb(error.__traceback__))
    return bool(frames) and frames[-1][0].f_globals.get("__name__") == module


def _short(name: object) -> str:
    return _bounded(str(name), 200)


def _hint_on_data(error: BaseException | None) -> str:
    if error is not None and _class_name(error) == "InvalidIndexError":  # of pandas, which a cell may lack
        return "X is a DataFrame: `X = np.asarray(X)` makes it an array, or use X.iloc[:, 0]."
    if isinstance(error, AttributeError) and "'numpy.ndarray' object has no attribute" in str(error):
        return (
            "Text columns were turned into numbers before the fit, so X may be an array: with `preprocess: "
            "none` in its entry, or as a class without BaseEstimator, it gets the DataFrame as it is."
        )
    if error is not None and _class_name(error) == "NotFittedError":
        return (
            "scikit-learn takes a class derived from BaseEstimator for fitted when its fit has set an "
            "attribute that ends in `_`: set one, such as `self.is_fitted_ = True`."
        )
    return ""


def _bounded(text: str, most: int) -> str:
    """The text; of one that is too long, the beginning and the end."""
    text = text.encode("utf-8", "replace").decode()
    if len(text) <= most:
        return text
    half = (most - 20) // 2
    return f"{text[:half]}\n[...]\n{text[-half:]}"
