"""`bakeoff show --web`: the page of a run, where pages are served."""

import threading
import webbrowser
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from fixtures.projects.command_line import Project, a_mixed_run

from bakeoff.api import served_address
from bakeoff.settings.configuration import load


class Alive(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"live":true}')

    def log_message(self, *_: object) -> None: ...


def test_the_page_of_the_run_is_opened_where_pages_are_served(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    run = a_mixed_run(project)
    with HTTPServer(("127.0.0.1", 0), Alive) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        served_address.note(load(project.root / "config" / "bakeoff.yaml", environment={}), url)
        said = project.bakeoff("show", "spring", "--web")
        server.shutdown()

    assert opened == [f"{url}/runs/{run.id}"]
    assert said.stdout == f"{url}/runs/{run.id}\n"


def test_without_pages_it_says_what_serves_them(project: Project) -> None:
    (project.root / "config" / "bakeoff.yaml").write_text("apiPort: 1\n")
    a_mixed_run(project)
    said = project.bakeoff("show", "--web")
    assert said.exit_code == 2
    assert "`bakeoff up`" in said.stderr
