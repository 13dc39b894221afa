"""Why ops/up doesn't start: always one line and exit code 1, and nothing is left running."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ops.embedded import ports
from ops.embedded.program_environment import HANDED_OUT, on_database, with_login
from ops.embedded.supervisor_control import MARK
from ops.rig.eventually import PATIENCE_S
from ops.rig.postgres import empty_postgres


@pytest.fixture
def edge_port() -> int:
    """A port that is free."""
    return ports.choose(["edge"], {})["edge"]


@pytest.fixture
def replica_level_url(tmp_path: Path) -> Iterator[str]:
    """A Postgres whose log can't be decoded."""
    with empty_postgres(tmp_path / "postgres", "wal_level = replica") as server:
        yield server.database.url()


def _up(data_dir: Path, **settings: object) -> str:
    """The one line that `up` says before it gives up; raises AssertionError if it leaves something running."""
    base = {name: value for name, value in os.environ.items() if name not in HANDED_OUT}
    environment = {**base, "DATA_DIR": str(data_dir), **{name: str(value) for name, value in settings.items()}}
    words = [sys.executable, "-m", "ops.embedded.up"]
    done = subprocess.run(words, check=False, env=environment, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 1, done.stdout + done.stderr
    assert not [process for process in psutil.process_iter() if _stack_of(process) == str(data_dir)]
    [line] = done.stderr.splitlines()
    return line


def _stack_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except psutil.Error:
        return None


def test_a_promoted_replica(tmp_path: Path) -> None:
    """It isn't taken for the standby of the primary that was lost: both would have votes that the other lacks."""
    (tmp_path / "replica").mkdir()
    assert f"{tmp_path / 'replica'} was promoted: move it to {tmp_path / 'postgres'}" in _up(tmp_path)


def test_unknown_words() -> None:
    """A word that it doesn't know is refused with the usage, before anything is touched."""
    words = [sys.executable, "-m", "ops.embedded.up", "--observed"]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=PATIENCE_S)
    assert (done.returncode, done.stderr.splitlines()) == (
        2,
        ["usage: ./ops/up [-h] [--observe]", "./ops/up: error: unrecognized arguments: --observed"],
    )


def test_taken_edge_port(tmp_path: Path) -> None:
    """A port that somebody else serves is named."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert _up(tmp_path / "data", EDGE_PORT=port) == f"up: port {port} is taken; set another EDGE_PORT"


def test_wal_that_cannot_be_decoded(tmp_path: Path, edge_port: int, replica_level_url: str) -> None:
    """A Postgres with another wal_level is refused before anything is changed in it."""
    line = _up(tmp_path / "data", EDGE_PORT=edge_port, DATABASE_URL=replica_level_url)
    assert line.startswith("up: DATABASE_URL has wal_level = replica")


def test_database_that_is_not_there(tmp_path: Path, edge_port: int) -> None:
    """A DATABASE_URL where nobody listens is said at once."""
    nowhere = f"postgresql://postgres@127.0.0.1:{ports.choose(['none'], {})['none']}/vote"
    assert _up(tmp_path / "data", EDGE_PORT=edge_port, DATABASE_URL=nowhere).startswith("up: can't connect to Postgres")


def test_database_of_people_that_cannot_be_made(tmp_path: Path, edge_port: int) -> None:
    """Who may not make a database beside the ledger's is told what to set, and one that is set must be there."""
    with empty_postgres(tmp_path / "postgres") as server:
        server.execute("CREATE ROLE plain LOGIN PASSWORD 'plain'")
        url = with_login(server.database.url(), "plain", "plain")
        line = _up(tmp_path / "data", EDGE_PORT=edge_port, DATABASE_URL=url)
        assert line.startswith("up: can't make the database postgres_identity: permission denied")
        assert "set IDENTITY_DATABASE_URL" in line
        there = {"DATABASE_URL": server.database.url(), "IDENTITY_DATABASE_URL": on_database(url, "nowhere")}
        assert '"nowhere" does not exist' in _up(tmp_path / "data", EDGE_PORT=edge_port, **there)


def test_redis_that_is_not_there(tmp_path: Path, edge_port: int) -> None:
    """A REDIS_URL where nobody listens is said at once, and the embedded Postgres is stopped again."""
    nowhere = f"redis://127.0.0.1:{ports.choose(['none'], {})['none']}/0"
    assert _up(tmp_path / "data", EDGE_PORT=edge_port, REDIS_URL=nowhere).startswith("up: can't use Redis")


def test_folder_that_cannot_be_made(tmp_path: Path, edge_port: int) -> None:
    """A DATA_DIR that can't be a folder is named."""
    (tmp_path / "file").write_text("")
    line = _up(tmp_path / "file" / "data", EDGE_PORT=edge_port)
    assert line == f"up: can't write to DATA_DIR {tmp_path / 'file' / 'data'}: Not a directory"
