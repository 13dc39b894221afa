"""The verb about canaries: the voters who are nobody, their sessions, and the event that they vote in.

A canary has no password and no address, only a session of the level `canary`, so all that it ever has is a token that
no real event takes. Its event is a rehearsal, which no list shows. One event lasts until each canary has voted in it:
24,000 of them and 1,000 votes an hour make one event a day.
"""

import argparse
import secrets
import string
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from psycopg.rows import DictRow

from command.durable_pool import Connection
from command.events.event_draft import EventDraft, NewContestant
from command.events.event_making import Repeatable
from command.identity.audit import log
from command.identity.refresh_token import new_family
from contract.assurance import Assurance
from ops.canary.canary_file import Canary, CanaryFile
from ops.operator.identity_verbs import SQL, VOTERS_PER_COPY, copy_voters
from ops.operator.office import NOBODY, Office, statement
from ops.operator.verb import Row, Verb, Word

CONTESTANTS = 32  # as many votes may be under way
NAME_LETTERS = 16  # and no digits: names that differ by these only are a sign of a farm
DEVICE = "canary"


async def bring_up_to_date(office: Office, given: argparse.Namespace) -> AsyncIterator[Row]:
    """Make what the file lacks: canaries, and an open event in which enough of them can vote."""
    with CanaryFile(given.file) as file:
        status = await _status(office, file)
        if status is None:
            file.forget_all()
        lifetime_s = office.signing().refresh_seconds
        file.forget_before(time.time() - lifetime_s)
        if (missing := given.voters - file.count()) > 0:
            await _make_canaries(office, file, missing, lifetime_s)
        if status != "open" or file.votes_left() < min(given.at_least, file.count()):
            await _next_event(office, file, ends_last=status in ("open", "paused"))
        event = file.event()
        assert event
        yield {"event_id": event.event_id, "canaries": file.count(), "votes_left": file.votes_left()}


async def _status(office: Office, file: CanaryFile) -> str | None:
    """The status of the event; None: there is none, or not in this database."""
    event, sql = file.event(), statement("command.sql", "event_as_draft")
    if event is None:
        return None

    async def work(connection: Connection) -> list[DictRow]:
        return await (await connection.execute(sql, {"event_id": event.event_id})).fetchall()

    rows = await (await office.ledger()).run(work)
    return rows[0]["status"] if rows else None


async def _make_canaries(office: Office, file: CanaryFile, count: int, lifetime_s: int) -> None:
    """A canary is in the file once it is committed."""
    made = {"count": count}
    await (await office.people()).together(
        lambda statements: log(statements, office.actor, "canaries.make", NOBODY, after=made)
    )
    with office.bulk() as connection:
        for start in range(0, count, VOTERS_PER_COPY):
            names = [_name() for _ in range(min(VOTERS_PER_COPY, count - start))]
            ends_at = datetime.now(UTC) + timedelta(seconds=lifetime_s)
            canaries = []
            with connection.transaction(), connection.cursor() as cursor:
                people = copy_voters(connection, names)
                with cursor.copy(statement(SQL, "copy_canary_sessions")) as copy:
                    for person in people:
                        first, level = new_family(), Assurance.CANARY.value
                        copy.write_row((first.session_id, person.user_id, ends_at, first.hash, DEVICE, level))
                        canaries.append(Canary(str(person.user_id), first.text()))
            file.add(canaries)


async def _next_event(office: Office, file: CanaryFile, *, ends_last: bool) -> None:
    """Close the last one, and open the next, once."""
    changes, making, last = await office.events(), await office.making(), file.event()
    if last and ends_last:
        await changes.change_status(office.changer, UUID(last.event_id), "close")
    draft = EventDraft(
        event_name="Canary",
        event_description="Synthetic votes, which prove that the way of a vote works. No real vote.",
        contestants=[NewContestant(f"Canary {number}", "", "") for number in range(1, CONTESTANTS + 1)],
        expected_votes=file.count(),
        assurance_min=Assurance.CANARY,
        rehearsal=True,
    )
    key = file.next_key()
    made = await making.create(office.changer, NOBODY, draft, Repeatable(key, sha256(key.encode()).digest()))
    await changes.change_status(office.changer, made.event_id, "open")
    file.start(str(made.event_id), [str(contestant_id) for contestant_id, _ in made.contestants])


def _name() -> str:
    return "canary-" + "".join(secrets.choice(string.ascii_lowercase) for _ in range(NAME_LETTERS))


VERBS = (
    Verb(
        "canaries",
        "bring the canaries of ops/synthetic up to date: voters who are nobody, and an open event for them",
        bring_up_to_date,
        (
            Word("file", "where they are kept; it is as good as their passwords", {"type": Path}),
            Word("--voters", "how many canaries there shall be", {"type": int, "default": 24_000}),
            Word("--at-least", "how many of them shall still have a vote", {"type": int, "default": 1_000}),
        ),
    ),
)
