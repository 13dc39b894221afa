"""Verbs about events: what there are, and every change of status that a host can make."""

import argparse
from collections.abc import AsyncIterator, Callable
from uuid import UUID

from command.durable_pool import Connection
from command.events.event_changes import Status
from ops.operator.office import Office, statement
from ops.operator.verb import Row, Verb, Word

EVENT = Word("event_id", "its id", {"type": UUID})
STATUSES: dict[str, Status] = {"open": "open", "close": "closed", "cancel": "cancelled"}


async def list_events(office: Office, given: argparse.Namespace) -> AsyncIterator[Row]:
    """The newest events."""
    sql = statement("command.sql", "newest_events")

    async def work(connection: Connection) -> list[Row]:
        return await (await connection.execute(sql, {"page": given.lines})).fetchall()

    for row in await (await office.ledger()).run(work):
        yield row


def _change(status: Status) -> Callable[[Office, argparse.Namespace], AsyncIterator[Row]]:
    async def run(office: Office, given: argparse.Namespace) -> AsyncIterator[Row]:
        events = await office.events()
        change = await events.change_status(office.caller, given.event_id, status, office.trace_id)
        yield {"event_id": given.event_id, "status": change.status, "at": change.at}

    return run


VERBS = (
    Verb("events", "the newest events", list_events, (Word("--lines", "how many", {"type": int, "default": 50}),)),
    *(Verb(name, f"{name} an event", _change(status), (EVENT,)) for name, status in STATUSES.items()),
)
