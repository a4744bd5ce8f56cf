"""Whether an MLflow server answers, as `bakeoff doctor` asks it."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from bakeoff.operations.doctor import registry_and_tracking_check
from bakeoff.operations.doctor.diagnosis_levels import DiagnosisLevel


class Version(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/version" else 404)
        self.end_headers()
        self.wfile.write(b"3.5.0")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Version) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_login_in_its_address_is_no_part_of_its_name_and_is_not_shown(port: int) -> None:
    found = registry_and_tracking_check._server(
        f"http://una:secret@127.0.0.1:{port}/", "tracking", key="tracking.mlflow"
    )

    assert (found.level, found.message) == (
        DiagnosisLevel.OK,
        f"MLflow 3.5.0 at http://una:***@127.0.0.1:{port}/",
    )
