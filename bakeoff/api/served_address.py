"""Where the API and the pages of a project are served, for other processes of this machine that want to open
them.

The file is written by the process that serves. It may outlive that process, so whoever reads it asks the
address.
"""

import http.client
import os
from pathlib import Path
from urllib.parse import urlsplit

from bakeoff.settings.configuration import Configuration

_WAIT_S = 1.0


def note(configuration: Configuration, url: str) -> None:
    """A reader never sees half an address: the file is replaced as a whole."""
    file = _file(configuration)
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}-{os.getpid()}")
    fresh.write_text(f"{url}\n", encoding="utf-8")
    fresh.replace(file)


def find(configuration: Configuration) -> str | None:
    """The address, if something answers there; else None."""
    settings = configuration.settings
    host = f"[{settings.api_host}]" if ":" in settings.api_host else settings.api_host
    noted = _file(configuration)
    places = [noted.read_text(encoding="utf-8").strip()] if noted.is_file() else []
    return next((url for url in [*places, f"http://{host}:{settings.api_port}"] if _answers(url)), None)


def _file(configuration: Configuration) -> Path:
    return configuration.data_dir / "web" / "address"


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_WAIT_S)
    try:
        connection.request("GET", "/health/live")
        answer = connection.getresponse()
        return answer.status == http.HTTPStatus.OK and b'"live"' in answer.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
