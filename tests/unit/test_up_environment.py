"""What each program is told, and what it must not be told."""

import json
import socket
import stat
from pathlib import Path
from unittest.mock import Mock

import pytest

from command.identity.signing_keys import load_signing_keys
from contract.settings import numbered_keys
from ops.embedded import database_setup, stack_configuration
from ops.embedded.data_folder import DataFolder
from ops.embedded.program_environment import (
    Addresses,
    environments,
    identity_beside,
    on_database,
    readers,
    with_login,
)
from ops.embedded.refusal import CannotStart
from ops.embedded.secret_files import SecretFiles, write_private
from ops.embedded.stack_configuration import read_wishes
from ops.embedded.up import Stack

LEDGER = "postgresql://postgres:root-secret@127.0.0.1:1/vote"
PORTS = {name: 15_000 + n for n, name in enumerate(["identity", "command", "fanout", "query", "sse"])}


@pytest.fixture
def told(tmp_path: Path) -> dict[str, dict[str, str]]:
    """The environments of a stack with embedded databases."""
    folder = DataFolder(tmp_path)
    folder.prepare()
    at = Addresses(LEDGER, identity_beside(LEDGER), "", "redis://:r@127.0.0.1:2/0", PORTS, 8080)
    return environments(folder, SecretFiles(folder.secrets), at)


def test_superuser_is_for_the_operator(told: dict[str, dict[str, str]]) -> None:
    """No program that serves gets the superuser's password."""
    assert [name for name, settings in told.items() if "root-secret" in json.dumps(settings)] == ["operator"]


@pytest.mark.parametrize(
    ("variable", "holders"),
    [
        ("SIGNING_KEY_FOLDER", {"identity", "admin"}),
        ("REFRESH_KEY_FILE", {"identity", "admin"}),
        ("SEAL_KEYS_FILE", {"command", "admin", "audit"}),
        ("RECEIPT_KEYS_FILE", {"command", "query", "audit"}),
        ("DATABASE_URL", {"command", "fanout", "exporter", "operator", "admin", "audit"}),
        ("IDENTITY_DATABASE_URL", {"identity", "command", "query", "sse", "operator", "admin"}),
        ("LIVE_DATABASE_URL", {"audit"}),
        ("ERASURE_KEY_FILE", {"identity"}),
        ("SECOND_FACTOR_KEY_FILE", {"identity"}),
    ],
)
def test_keys_go_where_they_are_needed(told: dict[str, dict[str, str]], variable: str, holders: set[str]) -> None:
    """A key or a login of the primary is told to its users alone."""
    assert {name for name, settings in told.items() if variable in settings} == holders


def test_secrets_from_before_keys_could_rotate_are_taken_over(tmp_path: Path) -> None:
    """The one signing key goes on as the first of the folder, and everything that is new is made beside it."""
    folder = DataFolder(tmp_path)
    folder.prepare()
    secrets = SecretFiles(folder.secrets)
    (made,) = secrets.signing_keys().iterdir()
    (kid,) = [key.kid for key in load_signing_keys(secrets.signing_keys()).values()]
    made.rename(folder.secrets / "signing_key.pem")
    (folder.secrets / "seed_key.hex").write_text("00" * 32)
    assert [(start, key.kid) for start, key in load_signing_keys(secrets.signing_keys()).items()] == [(0, kid)]
    assert list(numbered_keys(32)(str(secrets.seed_keys()))) == [1]
    assert secrets.refresh_key().exists()


def test_readers_have_their_own_login(told: dict[str, dict[str, str]]) -> None:
    """Query and sse read as vote_query, on the primary unless there is a replica."""
    assert told["query"]["REPLICA_URL"] == told["sse"]["REPLICA_URL"]
    assert told["sse"]["REPLICA_URL"].startswith("postgresql://vote_query:")
    assert told["sse"]["REPLICA_URL"].endswith("@127.0.0.1:1/vote")


def test_with_a_replica_the_primary_is_asked_what_must_be_exact(tmp_path: Path) -> None:
    """Query, sse and audits read there, with their own logins; a login that the operator gave stands."""
    secrets = SecretFiles(tmp_path)
    for given, login in (("127.0.0.1:2", "vote_query:demo-"), ("reader:x@127.0.0.1:2", "reader:x@")):
        read_at = readers(LEDGER, f"postgresql://{given}/vote", secrets)
        assert read_at["query"] == read_at["sse"]
        assert read_at["query"]["REPLICA_URL"].startswith(f"postgresql://{login}")
        assert read_at["query"]["REPLICA_URL"].endswith("@127.0.0.1:2/vote")
        assert read_at["query"]["PRIMARY_URL"].startswith("postgresql://vote_query:demo-")
        assert read_at["query"]["PRIMARY_URL"].endswith("@127.0.0.1:1/vote")
        assert read_at["audit"]["DATABASE_URL"].startswith("postgresql://vote_auditor:")
        assert read_at["audit"]["DATABASE_URL"].endswith("@127.0.0.1:2/vote")
    assert readers(LEDGER, "", secrets)["query"]["PRIMARY_URL"] == ""


def test_login_is_replaced_alone() -> None:
    """Host, port, database and options of a URL stay as the operator gave them."""
    url = "postgresql://root:p%40ss@db.test:6432/vote?sslmode=require"
    assert with_login(url, "vote_query", "x") == "postgresql://vote_query:x@db.test:6432/vote?sslmode=require"
    assert identity_beside(url) == "postgresql://root:p%40ss@db.test:6432/vote_identity?sslmode=require"
    assert identity_beside("postgresql://root@db.test") == "postgresql://root@db.test/root_identity"
    assert on_database(url, "postgres") == "postgresql://root:p%40ss@db.test:6432/postgres?sslmode=require"


def test_secrets_are_private_and_stay(tmp_path: Path) -> None:
    """A secret is made once, in a file that nobody else can read."""
    secrets = SecretFiles(tmp_path)
    assert secrets.password("vote_query") == secrets.password("vote_query") != secrets.password("vote_command")
    write_private(tmp_path / "demo.json", "{}")
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("version", "wal_level", "locks", "complaint"),
    [
        (160_003, "logical", 51_200, "16.3; 18 or newer"),
        (170_006, "logical", 51_200, "17.6; 18 or newer"),
        (180_000, "replica", 51_200, "wal_level = replica"),
        (180_000, "logical", 6_400, "max_locks_per_transaction"),
        (180_006, "logical", 51_200, ""),
    ],
)
def test_unfit_servers(version: int, wal_level: str, locks: int, complaint: str) -> None:
    """A Postgres that is too old, too small or can't be decoded is refused by a line that names what is wrong."""
    line = database_setup.unfit(version, wal_level, locks)
    assert complaint in line
    assert bool(line) == bool(complaint)


@pytest.mark.parametrize("name", ["100%", "a;b", "a#b"])
def test_folder_that_the_supervisor_cannot_read(tmp_path: Path, name: str) -> None:
    """A DATA_DIR with signs that mean something in the supervisor's file is refused by a line that names it."""
    with pytest.raises(CannotStart, match=name):
        DataFolder(tmp_path / name).prepare()


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1"])
def test_edge_port_must_be_one(text: str) -> None:
    """An EDGE_PORT that is no port is named in the refusal."""
    with pytest.raises(CannotStart, match=f"not {text}"):
        stack_configuration.read_wishes({"EDGE_PORT": text})


def test_long_folder_has_a_socket(tmp_path: Path) -> None:
    """The control socket's path fits into the kernel's limit however long DATA_DIR is, and is each stack's own."""
    deep = tmp_path / ("d" * 120)
    sockets = {DataFolder(deep / name).supervisor_socket for name in ("one", "two")}
    assert len(sockets) == 2
    assert max(len(str(path)) for path in sockets) < 100


def test_trusted_proxies_are_networks(tmp_path: Path) -> None:
    """None by default; addresses and networks, however they are set apart, reach the edge; anything else is refused."""
    folder = DataFolder(tmp_path)
    folder.prepare()
    for text, told in (("", ""), ("192.0.2.7, 10.0.0.0/8 2001:db8::/32", "192.0.2.7/32 10.0.0.0/8 2001:db8::/32")):
        proxies = stack_configuration.read_wishes({"TRUSTED_PROXIES": text}).trusted_proxies
        at = Addresses(
            "postgresql://h/vote", "postgresql://h/p", "", "redis://h", PORTS, 8080, ("127.0.0.1", "::1"), proxies
        )
        edge = environments(folder, SecretFiles(folder.secrets), at)["edge"]
        assert (edge["TRUSTED_PROXIES"], edge["EDGE_BIND"]) == (told, "127.0.0.1 [::1]")
    for text in ("private", "10.0.0.1/8", "10.0.0.0/8 }"):
        with pytest.raises(CannotStart, match="TRUSTED_PROXIES"):
            stack_configuration.read_wishes({"TRUSTED_PROXIES": text})


def test_the_edge_is_not_started_beside_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though that one came while the databases started, and would share its port, as Caddys do."""
    control = Mock()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        wishes = read_wishes({"EDGE_PORT": str(other.getsockname()[1]), "DATA_DIR": str(tmp_path)})
        stack = Stack(wishes, observe=False)
        monkeypatch.setattr(stack, "_control", control)
        with pytest.raises(CannotStart, match="is taken"):
            stack._start_services(Mock(), [])
    control.start.assert_not_called()
