"""What the rules did in one event: the use case behind the page of the rules, whichever process judged the votes."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from command.durable_pool import Connection, DurablePool
from command.votes.rules.evidence import RuleName
from command.votes.rules.rule_set import RuleSet
from contract import queries
from contract.errors import NotFound


class LastHit(msgspec.Struct, frozen=True):
    """A vote that met a rule; `at` as rfc3339() writes it."""

    at: str
    contestant_id: str | None


class StoredHits(msgspec.Struct, frozen=True):
    """How often a rule of some version was met in an event, as the database adds it up."""

    name: str
    version: int
    action: str
    hits: int
    last: list[LastHit]


class _Stored(msgspec.Struct, frozen=True):
    votes: int
    rules: list[StoredHits]


class ReportedRule(NamedTuple):
    """A rule, and what it did; `why` is None for one that isn't in force (any more)."""

    hits: StoredHits
    why: str | None


class RuleReport:
    """Reads what all processes stored; it lags behind the votes by a second or two."""

    def __init__(self, pool: DurablePool, rules: RuleSet) -> None:
        self._pool = pool
        self._rules = rules
        self._sql = queries.load("command.sql")["rule_hits"]

    async def of(self, event_id: UUID) -> tuple[int, Sequence[ReportedRule]]:
        """How many votes were judged, and each rule: those in force first; `NotFound`, `Busy`."""

        async def work(connection: Connection) -> str | None:
            row = await (await connection.execute(self._sql, {"event_id": event_id})).fetchone()
            return row["report"] if row else None

        text = await self._pool.read(work)
        if text is None:
            raise NotFound("event not found", field="event_id")
        stored = msgspec.json.decode(text, type=_Stored)
        by_name = {RuleName(each.name, each.version, each.action): each for each in stored.rules}
        in_force = [
            ReportedRule(by_name.pop(name, StoredHits(*name, 0, [])), why)
            for name, why in zip(self._rules.names, self._rules.whys, strict=True)
        ]
        return stored.votes, [*in_force, *(ReportedRule(each, None) for each in by_name.values())]
