"""An event in the ledger, made by SQL."""

import dataclasses
import json

import psycopg

from contract.seal import ballot_seal_of
from contract.settings import REHEARSAL_KEYS
from ops.rig.people import SEAL_KEY

_STEPS: dict[str, list[str]] = {"draft": [], "open": ["open"], "closed": ["open", "closed"]}


@dataclasses.dataclass(frozen=True)
class Event:
    """An event, by its number and by its id, and the ids of its contestants in the order of their numbers."""

    event_no: int
    event_id: str
    contestants: list[str]


def make_event(connection: psycopg.Connection, status: str = "open", contestants: int = 2, **fields: object) -> Event:
    """Make an event through the ledger's own functions; `fields` as in create_event's JSON."""
    given = [
        {"contestant_name": f"C{number}", "contestant_description": "", "contestant_image_url": ""}
        for number in range(1, contestants + 1)
    ]
    content = json.dumps({"event_name": "Final", "contestants": given, **fields})
    made = "SELECT event_id::text FROM create_event(%s, %s, gen_random_uuid(), 'test')"
    key_no = 1 + (REHEARSAL_KEYS if fields.get("rehearsal") else 0)
    [(event_id,)] = connection.execute(made, [content, key_no]).fetchall()
    [(ballot,)] = connection.execute(
        "SELECT ballot_of(event_no) FROM events WHERE event_id = %s", [event_id]
    ).fetchall()
    for step in _STEPS[status]:
        change = [event_id, step, ballot, ballot_seal_of(SEAL_KEY, ballot)]
        connection.execute("SELECT change_event_status(%s, %s, NULL, NULL, %s, %s)", change)
    return find_event(connection, event_id)


def find_event(connection: psycopg.Connection, event_id: str) -> Event:
    """An event that is there."""
    rows = connection.execute(
        "SELECT event_no, contestant_id::text FROM events JOIN contestants USING (event_no)"
        " WHERE event_id = %s ORDER BY contestant_no",
        [event_id],
    ).fetchall()
    return Event(rows[0][0], event_id, [contestant_id for _, contestant_id in rows])
