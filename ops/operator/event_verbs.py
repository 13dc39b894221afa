"""Verbs about events: what there are, and every change of status that a host can make."""

import argparse
from collections.abc import AsyncIterator, Callable
from uuid import UUID

from command.durable_pool import Connection
from command.events.event_changes import Action, StatusChange
from contract.visible_text import is_visible
from ops.operator.office import Office, statement
from ops.operator.verb import Row, Verb, Word

EVENT = Word("event_id", "its id", {"type": UUID})
ACTIONS: tuple[Action, ...] = ("open", "pause", "resume", "close", "cancel")


def _reason(text: str) -> str:
    if not is_visible(text):
        raise argparse.ArgumentTypeError("it must have something to see")
    return text


async def list_events(office: Office, given: argparse.Namespace) -> AsyncIterator[Row]:
    """The newest events."""
    sql = statement("command.sql", "newest_events")

    async def work(connection: Connection) -> list[Row]:
        return await (await connection.execute(sql, {"page": given.lines})).fetchall()

    for row in await (await office.ledger()).run(work):
        yield row


def _change(action: Action) -> Callable[[Office, argparse.Namespace], AsyncIterator[Row]]:
    async def run(office: Office, given: argparse.Namespace) -> AsyncIterator[Row]:
        change = await (await office.events()).change_status(office.changer, given.event_id, action)
        yield _answer(given, change)

    return run


def _answer(given: argparse.Namespace, change: StatusChange) -> Row:
    answer = {"event_id": given.event_id, "status": change.status, "at": change.at}
    return answer | ({"to_be_confirmed_by": change.expires_at} if change.expires_at else {})


async def _void(office: Office, given: argparse.Namespace) -> AsyncIterator[Row]:
    change = await (await office.events()).void(office.changer, given.event_id, given.reason)
    yield _answer(given, change)


async def _freeze(office: Office, given: argparse.Namespace) -> AsyncIterator[Row]:
    frozen = given.verb.name == "freeze"
    display = await (await office.events()).freeze(office.changer, given.event_id, frozen=frozen)
    yield {"event_id": given.event_id, "frozen": display.frozen, "at": display.at}


async def _reveal(office: Office, given: argparse.Namespace) -> AsyncIterator[Row]:
    reveal = await (await office.events()).reveal(office.changer, given.event_id, given.places)
    yield {"event_id": given.event_id, "revealed": reveal.places, "at": reveal.at}


REASON = Word("reason", "why, as the log and the result sheet will say it", {"type": _reason})
PLACES = Word("--places", "so many from the last one up; without it all", {"type": int})
VERBS = (
    Verb("events", "the newest events", list_events, (Word("--lines", "how many", {"type": int, "default": 50}),)),
    *(Verb(action, f"{action} an event", _change(action), (EVENT,)) for action in ACTIONS),
    Verb("void", "declare a closed event void, for good; its votes stay as they are", _void, (EVENT, REASON)),
    Verb("freeze", "hold what the public sees of an event", _freeze, (EVENT,)),
    Verb("unfreeze", "let the public see how it goes on", _freeze, (EVENT,)),
    Verb("reveal", "show what was held back", _reveal, (EVENT, PLACES)),
)
