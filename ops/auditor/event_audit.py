"""One audit of one event: every question, every seal and a recount under one snapshot.

    snapshot ─┬─► seals and a recount, partition by partition, in processes beside each other
              └─► the questions of sql/audit, one after the other

It only reads. Memory doesn't grow with the event. Whatever is found is named by the check that found it.
"""

import hmac
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg

from contract import queries
from contract.moment import to_unix_us
from contract.seal import SEAL_BYTES, seal_of
from contract.vote_id import ReceiptCipher
from ops.auditor.ballot_check import TITLE as BALLOT
from ops.auditor.ballot_check import wrong_ballot
from ops.auditor.leaf_check import SEALS, SUM_MODULUS, Leaf, LeafCheck
from ops.auditor.leaf_workers import check_leaves
from ops.auditor.questions import Row, questions
from ops.auditor.receipt_opener import opened_receipts

EVENT, RESULTS, REFUSALS, CHANGES, VOTES_OF_RECEIPTS, MISSING_RECEIPTS = 10, 21, 23, 24, 25, 35
TOLD = (REFUSALS, CHANGES)  # the questions whose answers stand in the report beside the result
FOUND_MAX = 1000  # lines of one check that a report names

Progress = Callable[[], object]  # told of each step that is done: partitions and questions


class Keys(msgspec.Struct, frozen=True):
    """By key_no: of seals (32 bytes) and of receipts (16 bytes)."""

    seals: Mapping[int, bytes]
    receipts: Mapping[int, bytes]


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked for; sound: nothing was found. `found` are the first `FOUND_MAX` of `total`."""

    title: str
    total: int
    found: list[Row]


class Report(msgspec.Struct, frozen=True):
    """What an audit saw and found. `event` says which event at which moment and position of the WAL."""

    event: Row
    rows: int
    seal_sum: str  # of all seals, modulo 2^128, in hexadecimal: the same for the same rows
    receipts: int  # so many were given
    results: list[Row]
    handed_in: list[Row]  # the votes that the receipts stand for, of the first `FOUND_MAX` that have one
    told: dict[str, list[Row]]
    checks: list[Check]
    not_compared: str = ""  # what of the air wasn't, and why

    @property
    def findings(self) -> int:
        """How many there are, of all checks."""
        return sum(check.total for check in self.checks)

    @property
    def sound(self) -> bool:
        """Whether nothing was found, and nothing was left out."""
        return not (self.findings or self.not_compared)

    def with_live(self, checks: Iterable[Check], not_compared: str, shown: str) -> "Report":
        """This and what is on air; `shown`: whether the results that everybody is shown were looked at."""
        event, both = {**self.event, "shown": shown}, [*self.checks, *checks]
        return msgspec.structs.replace(self, event=event, checks=both, not_compared=not_compared)


def live_report(checks: list[Check], not_compared: str) -> Report:
    """A report of what is on air alone, of all events: there is no row in it."""
    event = {"event_name": "what is on air", "asked_at": datetime.now(UTC)}
    return Report(event, 0, "", 0, [], [], {}, checks, not_compared)


class EventAudit:
    """An audit by one connection, which is in a transaction of its own; `url` is for the processes beside it."""

    def __init__(self, url: str, connection: psycopg.Connection, event_id: uuid.UUID) -> None:
        self._url = url
        self._connection = connection
        self._questions = questions()
        found = self._questions[EVENT].ask(connection, event_id=event_id)
        if not found:
            raise LookupError(f"no event {event_id}")
        self.event: dict[str, Any] = found[0]
        self._looking = [
            each for each in self._questions.values() if each.is_finding and each.number != MISSING_RECEIPTS
        ]
        self.steps: int = self.event["partitions"] + len(self._looking)
        if self.event["archived"]:
            back = "put them back by partitions/030, or by 060 if they were dropped"
            raise LookupError(f"the votes of event {event_id} are archived: audit --archive FOLDER, or {back}")

    def run(self, keys: Keys, receipts: Iterable[str], jobs: int, progress: Progress) -> Report:
        """All checks; raises LookupError when the event's keys aren't among these, and psycopg.Error."""
        key_no = self.event["key_no"]
        if key_no not in keys.seals or key_no not in keys.receipts:
            raise LookupError(f"the keys of the event, number {key_no}, aren't there")
        given = list(receipts)
        seal_key = keys.seals[key_no]
        leaves = self._leaves(seal_key, jobs, progress)
        results = self._ask(RESULTS)
        told = {number: self._ask(number) for number in TOLD}
        voters, no_receipts = opened_receipts(given, ReceiptCipher(keys.receipts[key_no]), self.event["event_no"])
        handed_in, forged = self._handed_in(voters, seal_key)
        rows = sum(leaf.rows for leaf in leaves)
        has_opened = rows > 0 or any(row["action"] == "event.open" for row in told[CHANGES])
        checks = [
            self._seals(leaves, forged),
            self._ballot(seal_key, results, has_opened=has_opened),
            self._recount(leaves, results),
            self._missing(voters, no_receipts),
            *self._findings(progress),
        ]
        seal_sum = sum(leaf.seal_sum for leaf in leaves) % SUM_MODULUS
        return Report(
            self.event,
            rows,
            f"{seal_sum:0{2 * SEAL_BYTES}x}",
            len(given),
            results,
            handed_in,
            {self._questions[number].title: lines for number, lines in told.items()},
            checks,
        )

    def _findings(self, progress: Progress) -> Iterator[Check]:
        for each in self._looking:
            yield check_of(each.title, each.ask(self._connection, event_no=self.event["event_no"]))
            progress()

    def _ask(self, number: int) -> list[Row]:
        return self._questions[number].ask(self._connection, event_no=self.event["event_no"])

    def _leaves(self, key: bytes, jobs: int, progress: Progress) -> list[LeafCheck]:
        held = self._connection.execute(queries.load("audit.sql")["hold_snapshot"].encode()).fetchone()
        assert held
        partitions = self.event["partitions"]
        leaves = [Leaf(self._url, held[0], self.event["event_no"], leaf) for leaf in range(partitions)]
        checked = []
        for check in check_leaves(leaves, key, min(jobs, partitions)):
            checked.append(check)
            progress()
        return checked

    def _seals(self, leaves: Sequence[LeafCheck], forged: Iterable[Row]) -> Check:
        """Rows as sealed_rows() gives them; and those of receipts, which come from the table without that function."""
        found: list[Row] = [{"voter": voter} for leaf in leaves for voter in leaf.wrong]
        named = {row["voter"] for row in found}
        others = [row for row in forged if row["voter"] not in named]
        total = sum(leaf.wrong_rows for leaf in leaves) + len(others)
        return Check(SEALS, total, [*found, *others][:FOUND_MAX])

    def _ballot(self, key: bytes, results: Iterable[Row], *, has_opened: bool) -> Check:
        """Names and numbers of contestants decide who has won, so they are sealed when the event opens."""
        event = self.event
        contestants = sorted(
            [row["contestant_no"], str(row["contestant_id"]), row["contestant_name"]] for row in results
        )
        rows = [event["event_no"], str(event["event_id"]), event["event_name"], contestants or None]
        found = wrong_ballot(key, event["ballot"] or "", event["ballot_seal"], rows=rows, has_opened=has_opened)
        return check_of(BALLOT, found)

    def _recount(self, leaves: Iterable[LeafCheck], results: Iterable[Row]) -> Check:
        """Rows were counted twice, by Postgres and from the rows themselves: so a lying index or view is noticed."""
        counted = sum((leaf.votes for leaf in leaves), Counter[int]())
        said = {each["contestant_no"]: each["votes"] for each in results}
        found = [
            {"contestant_no": number, "rows": counted[number], "said": said[number]}
            for number in sorted(said)
            if counted[number] != said[number]
        ]
        return check_of("Are there as many rows as Postgres says that it counted?", found)

    def _missing(self, voters: Mapping[bytes, str], no_receipts: list[Row]) -> Check:
        """Each receipt must be one, and its vote must be there."""
        question = self._questions[MISSING_RECEIPTS]
        missing = question.ask(self._connection, event_no=self.event["event_no"], voters=list(voters))
        named = ({"vote_id": voters[bytes.fromhex(row["voter"])], **row} for row in missing)
        return check_of(question.title, [*no_receipts, *named])

    def _handed_in(self, voters: Mapping[bytes, str], key: bytes) -> tuple[list[Row], list[Row]]:
        """The rows of these voters, the first `FOUND_MAX`; and of all of them those whose seal isn't their own."""
        event_no, every = self.event["event_no"], list(voters)
        first, forged = list[Row](), list[Row]()
        for start in range(0, len(every), FOUND_MAX):
            some = every[start : start + FOUND_MAX]
            for row in self._questions[VOTES_OF_RECEIPTS].ask(self._connection, event_no=event_no, voters=some):
                vote_id, is_own = voters[bytes.fromhex(row["voter"])], _is_own(row, event_no, key)
                if len(first) < FOUND_MAX:
                    first.append({"vote_id": vote_id, **row, "seal_is_own": is_own})
                if not is_own:
                    forged.append({"voter": row["voter"]})
        return first, forged


def _is_own(row: Row, event_no: int, key: bytes) -> bool:
    facts = {"device": row["device"], "contestant_no": row["contestant_no"], "region": row["region"]}
    voter, voted_at_us = bytes.fromhex(row["voter"]), to_unix_us(row["voted_at"])
    try:
        own = seal_of(key, voted_at_us=voted_at_us, event_no=event_no, voter=voter, **facts)
    except ValueError:  # a region that command never writes
        return False
    return hmac.compare_digest(own.hex(), row["seal"])


def check_of(title: str, rows: Iterable[Row]) -> Check:
    """What was found, all of it counted."""
    found = list(rows)
    return Check(title, len(found), found[:FOUND_MAX])
