"""`bakeoff api`: where it refuses to start, and the tokens that it makes."""

import re
import socket
import stat
from pathlib import Path

import pytest
from fixtures.projects.command_line import Project

from bakeoff.api.security.tokens import Tokens, read


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "bakeoff.example"])
def test_on_any_other_address_it_does_not_start_without_tokens(project: Project, host: str) -> None:
    said = project.bakeoff("api", "--host", host)

    assert said.exit_code == 2
    assert said.stderr == (
        f"error: apiHost {host} can be reached from other machines, and there is no token yet: make one with "
        "`bakeoff api token NAME --role admin`, or listen on 127.0.0.1\n"
    )


def test_a_port_that_is_taken_is_told(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = project.bakeoff("api", "--port", str(port))

    assert said.exit_code == 4
    assert said.stderr == (
        f"error: the API cannot listen on 127.0.0.1, port {port}: Address already in use; is another one "
        "running? choose with apiHost and apiPort\n"
    )


def test_a_host_that_nobody_knows_is_told(project: Project) -> None:
    said = project.bakeoff("api", "--host", "localhost.invalid", env={"BAKEOFF_API_TOKEN": "0" * 16})

    assert said.exit_code == 4
    assert said.stderr.startswith("error: the API cannot listen on localhost.invalid, port 8484: ")


@pytest.mark.parametrize("text", [None, "models: [", "models: {good: {pth: x}}"])
def test_a_catalog_that_cannot_be_read_stops_the_start(project: Project, text: str | None) -> None:
    catalog = project.root / "config" / "models.yaml"
    if text is not None:
        catalog.write_text(text)
    said = project.bakeoff("api", "--port", "0")

    assert said.exit_code == 2
    assert str(catalog) in said.stderr


def test_a_token_of_the_environment_that_can_be_guessed_is_refused_and_not_shown(project: Project) -> None:
    said = project.bakeoff("api", env={"BAKEOFF_API_TOKEN": "swordfish"})

    assert said.exit_code == 2
    assert "BAKEOFF_API_TOKEN to fewer than 16 characters" in said.stderr
    assert "swordfish" not in said.stderr


def test_the_command_makes_a_token_and_keeps_its_hash_alone(project: Project) -> None:
    said = project.bakeoff("api", "token", "una", "--role", "admin")
    file = project.root / "data" / "api-tokens"
    [known] = read(file)

    assert said.exit_code == 0
    assert re.fullmatch(r"bakeoff_[A-Za-z0-9_-]{43}\n", said.stdout)
    assert said.stderr == f"una has the role admin with this token; its hash is in {file}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert said.stdout.strip() not in file.read_text()
    assert Tokens(file).owner(said.stdout.strip()) == known.owner
    assert (known.owner.name, known.owner.role) == ("una", "admin")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["una"], "has a token of una already"),
        (["no name"], "'no name' is no name for a token"),
        (["bob", "--role", "root"], "--role is 'root': expected one of user, admin"),
    ],
)
def test_what_is_wrong_with_a_token_is_told(project: Project, arguments: list[str], said: str) -> None:
    project.bakeoff("api", "token", "una")
    answer = project.bakeoff("api", "token", *arguments)

    assert answer.exit_code == 2
    assert said in answer.stderr


def test_no_plugin_may_open_the_tokens(project: Project) -> None:
    from bakeoff.settings.configuration import load

    (project.root / "config" / "bakeoff.yaml").write_text("apiTokensFile: config/tokens\n")
    configuration = load(Path("config/bakeoff.yaml"))
    assert configuration.tokens_file == project.root / "config" / "tokens"
    assert configuration.tokens_file in configuration.secrets
