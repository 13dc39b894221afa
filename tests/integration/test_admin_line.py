"""The operator's command line for events, by the use cases and in the log of the ledger; what it prints for whom."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from contract.settings import SettingError
from ops.operator.__main__ import parser, table
from ops.operator.office import NOBODY, Office
from ops.operator.verb import Row
from ops.rig import python_process
from ops.rig.database import Database
from ops.rig.event import make_event
from ops.rig.people import SEAL_KEY

Admin = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def admin(tmp_path: Path, database: Database) -> Admin:
    (tmp_path / "seals").write_text(json.dumps({"1": SEAL_KEY.hex()}))
    env = {
        **os.environ,
        "DATABASE_URL": database.url("vote_command"),
        "IDENTITY_DATABASE_URL": database.identity.url("vote_identity"),
        "SEAL_KEYS_FILE": str(tmp_path / "seals"),
        "OPERATOR_NAME": "alice",
    }

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "ops.operator", *words]
        return python_process.run(line, env)

    return run


def test_events_are_changed_and_logged(admin: Admin, owner: psycopg.Connection) -> None:
    """As by a host's call: the ballot is sealed, a wrong state refused; the log says which operator it was."""
    event_id = str(make_event(owner, status="draft").event_id)
    opened, again, closed = [json.loads(admin("--json", verb, event_id).stdout) for verb in ("open", "open", "close")]
    assert opened == again == {"event_id": event_id, "status": "open", "at": opened["at"]}
    assert closed["status"] == "closed"
    assert owner.execute("SELECT ballot_seal IS NOT NULL FROM events").fetchone() == (True,)
    refused = admin("open", event_id)
    assert (refused.returncode, refused.stdout, len(refused.stderr.splitlines())) == (1, "", 1)
    (listed,) = [json.loads(line) for line in admin("--json", "events").stdout.splitlines()]
    assert (listed["event_id"], listed["status"]) == (event_id, "closed")
    logged = owner.execute("SELECT actor, operator, action FROM audit_log ORDER BY audit_no DESC LIMIT 2").fetchall()
    assert logged == [(NOBODY, "alice", "event.close"), (NOBODY, "alice", "event.open")]
    void = json.loads(admin("--json", "void", event_id, "a line was dead").stdout)
    assert (void["event_id"], void["status"]) == (event_id, "cancelled")


WRONG = [["close", "nonsense"], ["void", str(NOBODY), " "], ["shut"], [], ["give-role", "ada", "viewer"]]


@pytest.mark.parametrize("words", WRONG)
def test_wrong_words_are_told(words: list[str]) -> None:
    """Exit code 2 for what can't be meant."""
    with pytest.raises(SystemExit, match="2"):
        parser().parse_args(words)


def test_a_log_has_names_that_stand_for_themselves() -> None:
    """Nobody brings a setting of Postgres along with a name."""
    with pytest.raises(SettingError, match="OPERATOR_NAME"):
        Office({"OPERATOR_NAME": "alice -c synchronous_commit=off"})


def test_people_get_a_table() -> None:
    """Columns by their widest value, names above them and again where they change."""
    rows: list[Row] = [
        {"username": "ada", "roles": ["host", "admin"], "code": None},
        {"username": "b", "roles": [], "code": "x"},
    ]
    assert table([*rows, {"changed": 2}]).splitlines() == [
        "username  roles       code",
        "ada       host,admin  -",
        "b                     x",
        "changed",
        "2",
    ]
