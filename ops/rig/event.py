"""An event in the ledger, made by SQL."""

import dataclasses
import functools
import json
import uuid

import psycopg

from contract import queries
from contract.seal import ballot_seal_of
from contract.settings import REHEARSAL_KEYS
from ops.rig.people import SEAL_KEY

_STEPS: dict[str, list[str]] = {"draft": [], "open": ["open"], "closed": ["open", "close"]}
_NOBODY = {"user_id": None, "role": None, "trace_id": None}  # as what the schedule does
_statements = functools.cache(queries.load)


@dataclasses.dataclass(frozen=True)
class Event:
    """An event, by its number and by its id, and the ids of its contestants in the order of their numbers."""

    event_no: int
    event_id: str
    contestants: list[str]


def make_event(connection: psycopg.Connection, status: str = "open", contestants: int = 2, **fields: object) -> Event:
    """Make an event by the statements of the command process; `fields` as in create_event's JSON."""
    given = [
        {"contestant_name": f"C{number}", "contestant_description": "", "contestant_image_url": ""}
        for number in range(1, contestants + 1)
    ]
    content = json.dumps({"event_name": "Final", "contestants": given, **fields})
    key_no = 1 + (REHEARSAL_KEYS if fields.get("rehearsal") else 0)
    host = {"user_id": uuid.uuid4(), "role": None, "trace_id": "test"}
    making = {"event": content, "key_no": key_no, "key": None, "request": None, **host}
    [(_, event_id)] = connection.execute(_statements("command.sql")["create_event"], making).fetchall()
    for action in _STEPS[status]:
        change_status(connection, event_id, action)
    return find_event(connection, str(event_id))


def change_status(connection: psycopg.Connection, event_id: str | uuid.UUID, action: str) -> None:
    """Open, pause, resume, close or cancel an event by the statements of the command process."""
    statements = _statements("command.sql")
    [(_, ballot)] = connection.execute(statements["ballot"], {"event_id": event_id}).fetchall()
    sealed = {"ballot": ballot, "ballot_seal": ballot_seal_of(SEAL_KEY, ballot)}
    change = {"event_id": event_id, "action": action, "key": None, **_NOBODY, **sealed}
    connection.execute(statements["change_status"], change)


def find_event(connection: psycopg.Connection, event_id: str) -> Event:
    """An event that is there."""
    rows = connection.execute(
        "SELECT event_no, contestant_id::text FROM events JOIN contestants USING (event_no)"
        " WHERE event_id = %s ORDER BY contestant_no",
        [event_id],
    ).fetchall()
    return Event(rows[0][0], event_id, [contestant_id for _, contestant_id in rows])
