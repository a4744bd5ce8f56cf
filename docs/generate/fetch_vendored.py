"""Fetches the files in bakeoff/web/static/vendor again from npm. `make vendor` calls it.

To take a newer version, write it into VENDORED.toml, run this, look at what has changed, and write down its
hash.
"""

import hashlib
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


def main() -> None:
    folder = Path(sys.argv[1])
    listed = tomllib.loads((folder / "VENDORED.toml").read_text("utf-8"))["file"]
    changed = [entry["name"] for entry in listed if not _fetch(entry, folder)]
    if changed:
        sys.exit(f"not the files that VENDORED.toml has the hashes of: {', '.join(changed)}")


def _fetch(entry: dict[str, Any], folder: Path) -> bool:
    """False if the file is another one than the hash says. It is written all the same, to be looked at."""
    with TemporaryDirectory() as place:
        wanted = f"{entry['package']}@{entry['version']}"
        subprocess.run(["npm", "pack", "--silent", wanted], cwd=place, check=True, stdout=subprocess.DEVNULL)
        (packed,) = Path(place).glob("*.tgz")
        with tarfile.open(packed) as archive:
            for name, target in ((entry["path"], entry["name"]), ("LICENSE", entry["license_file"])):
                member = archive.extractfile(f"package/{name}")
                if member is None:
                    sys.exit(f"{wanted} has no file {name}")
                (folder / target).write_bytes(member.read())
    return hashlib.sha256((folder / entry["name"]).read_bytes()).hexdigest() == entry["sha256"]


if __name__ == "__main__":
    main()
