"""Style sheets, scripts and the font, under addresses that change with them: browsers keep them forever."""

import hashlib
import mimetypes
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.responses import PlainTextResponse, Response

from bakeoff.api.security.request_guard import STATIC

_FOREVER = "public, max-age=31536000, immutable"
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".woff2": "font/woff2"}
_SENT = (".js", ".css", ".woff2", ".svg", ".png")


@cache
def contents() -> dict[str, bytes]:
    """By path below static/. They are few and small, so they are read once."""
    return dict(_below(files("bakeoff.web") / "static", ""))


def _below(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            found += _below(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_SENT):
            found.append((f"{prefix}{entry.name}", entry.read_bytes()))
    return found


@cache
def version() -> str:
    """Of all files together: style sheets and scripts name each other by relative addresses."""
    digest = hashlib.sha256()
    for name, content in contents().items():
        digest.update(f"{name}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()[:12]


def address(name: str) -> str:
    if name not in contents():
        raise KeyError(f"there is no static file {name!r}")
    return f"{STATIC}{version()}/{name}"


def serve(path: str) -> Response:
    """Under an address of another version, it is not to be kept: a page may be older than this process."""
    asked, _, name = path.removeprefix(STATIC).partition("/")
    content = contents().get(name)
    if content is None:
        return PlainTextResponse("there is no such file", 404)
    suffix = f".{name.rpartition('.')[2]}"
    kind = _TYPES.get(suffix) or mimetypes.guess_type(name)[0]
    kept = _FOREVER if asked == version() else "no-store"
    return Response(content, media_type=kind, headers={"Cache-Control": kept})
