"""The files of the embedded registry. A file is complete or absent, and is read only if it is unchanged.

Each model has a folder of its own. A plain name, of lower-case letters, digits, `_`, `-` and `.`, is the name
of the folder. Any other name is made readable, and `~` and its hash are added. So no name leads to another
folder, and names that differ only in case have different folders on every file system. The files of a folder
differ by the number of the version.

models/<folder of the name>/<type>_1_0_0.pkl                 a model
models/<folder of the name>/<type>_1_0_0.preprocessor.pkl    what was saved beside it
incoming/<some id>/                                          what is being written
"""

import fcntl
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from bakeoff.domain.errors import InfrastructureError, InvalidInputError, TamperedError
from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.model_version import VersionNumber
from registry.models import pickling

_PLAIN = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,79}")
_READABLE = 40
PREPROCESSOR = ".preprocessor.pkl"
DATABASE = "registry.db"


def folder_of(model_name: str) -> str:
    if _PLAIN.fullmatch(model_name) and not model_name.endswith("."):
        return model_name
    return f"{_readable(model_name)}~{hashlib.sha256(model_name.encode()).hexdigest()[:32]}"


def file_of(model_type: str, version: VersionNumber) -> str:
    return f"{_readable(model_type)}_{version.major}_{version.minor}_{version.patch}.pkl"


def preprocessor_beside(file: PurePath) -> str:
    return f"{file.stem}{PREPROCESSOR}"


def _readable(text: str) -> str:
    """A form of the name that is safe as a file name on any system, and that people recognise."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-")[:_READABLE] or "model"


#: How a pickle of protocol 2 or newer begins, or one that was compressed: zlib, gzip, bz2, lzma, xz, lz4.
_MAGIC = (b"\x80", b"\x78", b"\x1f\x8b", b"BZ", b"\x5d\x00", b"\xfd\x37", b"\x04\x22")
_LONGEST_MAGIC = 2


@dataclass(frozen=True, kw_only=True)
class Written:
    """A file that is complete on the disk, and not yet at its final path."""

    file: Path
    digest: str  #: SHA-256
    size_bytes: int


class Artefacts:
    """The folders of one embedded registry."""

    def __init__(self, root: Path) -> None:
        self.models = root / "models"
        self.incoming = root / "incoming"
        with _write_errors_explained(self.models):
            self.models.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def writing(self) -> Iterator[Path]:
        """A folder to write to, removed at the end with everything that was not moved to its final path."""
        with _write_errors_explained(self.incoming), self._incoming_locked(fcntl.LOCK_SH):
            folder = self.incoming / new_id()
            folder.mkdir()
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def _incoming_locked(self, how: int) -> Iterator[None]:
        """A lock on the folder: shared by savers, exclusive for the search for leftovers.

        Without it, a file that a saver is writing would look like a leftover. The kernel releases the lock
        when its process ends, even if it is killed.
        """
        self.incoming.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.incoming, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, how)
            yield
        finally:
            os.close(descriptor)

    def place(self, model: Written, preprocessor: Written | None, folder: str, name: str) -> Path:
        """Renames the files to their final paths, and syncs, so that a power cut does not undo it.

        A file that a killed saver left at the path is replaced.
        """
        target = self.models / folder / name
        if not target.parent.is_dir():
            target.parent.mkdir()
            _sync(self.models)
        if preprocessor is not None:
            preprocessor.file.replace(target.parent / preprocessor_beside(target))
        model.file.replace(target)
        _sync(target.parent)
        return target

    def located(self, recorded: str) -> Path:
        """The present path of a recorded file, also after the registry's folder was moved."""
        file = Path(recorded)
        return self.models / file.parent.name / file.name

    @contextmanager
    def leftovers(self, kept: Collection[Path]) -> Iterator[list[Path]]:
        """What killed savers left: model files that are not in `kept`, and unfinished files.

        The caller keeps others from saving meanwhile. Files that a saver is writing now are not included.
        """
        lost = [file for file in sorted(self.models.glob("*/*.pkl")) if file not in kept]
        with ExitStack() as held:
            unfinished: list[Path] = []
            with suppress(BlockingIOError):
                held.enter_context(self._incoming_locked(fcntl.LOCK_EX | fcntl.LOCK_NB))
                unfinished = sorted(self.incoming.iterdir())
            yield lost + unfinished

    def discard(self, leftovers: Iterable[Path]) -> None:
        """Removes them, and the folders that are empty then."""
        for gone in leftovers:
            if gone.is_dir():
                shutil.rmtree(gone)
            else:
                gone.unlink()
        for folder in self.models.iterdir():
            with suppress(OSError):
                folder.rmdir()

    def remove(self, file: Path) -> None:
        """Removes a model and its preprocessor. The folder stays: another process may be about to use it."""
        for gone in (file, file.parent / preprocessor_beside(file)):
            gone.unlink(missing_ok=True)


def dump(value: Any, file: Path) -> Written:
    import joblib

    pickling.write(value, file, joblib.dump)
    _sync(file)
    return _written(file)


def adopt(source: Path, digest: str, file: Path) -> Written:
    """Copies a file that was hashed before. TamperedError if the copy has another digest."""
    with _open_plainly(source) as original, file.open("xb") as copy:
        shutil.copyfileobj(original, copy, 1 << 20)
    _sync(file)
    written = _written(file)
    if written.digest != digest:
        raise TamperedError(
            f"{source} is not what was hashed before: its SHA-256 is {written.digest}, not {digest}; "
            "it is not saved"
        )
    return written


def verify(file: Path, digest: str) -> None:
    """TamperedError if the file differs from the saved one. It is read in pieces."""
    with _read_errors_explained(file), file.open("rb") as opened:
        _compare(file, hashlib.file_digest(opened, "sha256").hexdigest(), digest)


def read(file: Path, digest: str) -> bytes:
    """Verifies the file and returns its bytes, so that a later change of the file does not matter."""
    with _read_errors_explained(file):
        data = file.read_bytes()
    _compare(file, hashlib.sha256(data).hexdigest(), digest)
    return data


def digest_of(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def is_pickle(file: Path) -> bool:
    """Judged by its first bytes; those of joblib may be compressed."""
    with file.open("rb") as opened:
        return opened.read(_LONGEST_MAGIC).startswith(_MAGIC)


def _compare(file: Path, found: str, recorded: str) -> None:
    if found != recorded:
        raise TamperedError(
            f"{file} is not the file that was saved: its SHA-256 is {found}, not {recorded}; "
            "it is not loaded: put the saved file back from a copy, or delete the version"
        )


@contextmanager
def _read_errors_explained(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise TamperedError(
            f"{file} cannot be read ({exc.strerror}): put it back from a copy, or delete the version"
        ) from exc


@contextmanager
def _write_errors_explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise InfrastructureError(f"nothing can be written below {folder.parent}: {exc}") from exc


def _open_plainly(source: Path) -> BinaryIO:
    """Opens only a regular file: a symbolic link could lead anywhere, and a pipe could block us.

    The file may be in a folder to which untrusted code has written.
    """
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as exc:
        raise InvalidInputError(f"{source} cannot be read, so it is not saved: {exc.strerror}") from exc
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InvalidInputError(f"{source} is no regular file, so it is not saved")
    return os.fdopen(descriptor, "rb")


def _written(file: Path) -> Written:
    return Written(file=file, digest=digest_of(file), size_bytes=file.stat().st_size)


def _sync(path: Path) -> None:
    """Makes the content of a file, or the entries of a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
