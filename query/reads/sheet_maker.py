"""Gathers what stands on an event's result sheet, and lets a program of its own print it: one at a time."""

import asyncio
import sys
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from contract.errors import Busy
from contract.moment import rfc3339
from query.event import Event
from query.on_air import Audience, Shown, see
from query.reads.feed_views import feed_rows
from query.reads.percentages import share
from query.reads.sheet_content import SheetAct, SheetContent
from query.reads.statistics_reader import AuditRow, EventFacts, SourcePosition, StatisticsReader
from query.standings_reader import StandingsReader

ACTS_MAX = 500  # the newest ones; more of them are in the audit log
WAITING_MAX = 4
PRINTED_WITHIN_S = 15


class SheetMaker:
    """Makes sheets of events as staff see them."""

    def __init__(self, standings: StandingsReader, reader: StatisticsReader) -> None:
        self._standings = standings
        self._reader = reader
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def sheet(self, event: Event) -> bytes:
        """The sheet as PDF; `Busy` when too many are wanted at once."""
        if self._waiting >= WAITING_MAX:
            raise Busy("too many sheets are being made, come back in a moment")
        self._waiting += 1
        try:
            async with self._turn:
                return await _printed(await self._content(event))
        finally:
            self._waiting -= 1

    async def _content(self, event: Event) -> SheetContent:
        shown = see(event, await self._standings.read(event), Audience.STAFF)
        assert shown  # staff see all at any time
        facts = await self._reader.facts(event.event_no)
        acts = await self._reader.audit_log(None, UUID(event.event_id), None, ACTS_MAX)
        return SheetContent(
            title=event.event_name,
            state=_state(shown, facts),
            facts=_said_of(event, shown, facts),
            event_id=event.event_id,
            rows=feed_rows(shown),
            positions=[_position(each) for each in await self._reader.positions()],
            ballot_seal=facts.ballot_seal.hex() if facts.ballot_seal else "none",
            acts=[_act(row) for row in reversed(acts)],
            made_at=rfc3339(datetime.now(UTC)),
        )


async def _printed(content: SheetContent) -> bytes:
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "query.reads.sheet_printer"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PRINTED_WITHIN_S):
            pdf, _ = await program.communicate(msgspec.json.encode(content))
    except TimeoutError as error:
        raise Busy from error
    finally:
        if program.returncode is None:  # too slow, or nobody wants it any more
            program.kill()
    if program.returncode:
        raise ChildProcessError(f"the sheet's program ended with {program.returncode}")  # it has said why
    return pdf


def _state(shown: Shown, facts: EventFacts) -> str:
    cancelled = "Void: these votes have no result" if facts.void_reason else "Cancelled: no result"
    known = {"closed": "Final result", "cancelled": cancelled} if shown.final else {}
    state = known.get(shown.status, f"Provisional: {shown.status}, as of {shown.as_of}")
    return f"REHEARSAL, no real event. {state}" if facts.rehearsal else state


def _said_of(event: Event, shown: Shown, facts: EventFacts) -> list[tuple[str, str]]:
    opened, closed = (rfc3339(at) if at else "not yet" for at in (facts.opened_at, facts.closed_at))
    said = [("Opened", opened), ("Ended", closed), ("Votes", f"{shown.total_votes:,}")]
    if facts.voided_at:
        said[2:2] = [("Declared void", rfc3339(facts.voided_at)), ("Because", facts.void_reason or "")]
    if facts.eligible_voters:
        turnout = share(shown.total_votes, facts.eligible_voters)
        said.append(("Turnout", f"{turnout:.2f} % of {facts.eligible_voters:,} eligible voters"))
    return [*said, ("Voters at least by", facts.assurance_min), ("Results", event.results_visibility)]


def _position(position: SourcePosition) -> tuple[str, str]:
    place = f"system {position.system_id}, timeline {position.timeline}, LSN {position.lsn}, epoch {position.epoch}"
    return f"Counted up to ({position.source})", place


def _act(row: AuditRow) -> SheetAct:
    return SheetAct(row.at, row.action, row.operator or row.actor or "schedule", row.role or "", row.trace_id or "")
