"""One audit of one event: every question, every seal and a recount under one snapshot.

    snapshot ─┬─► seals and a recount, partition by partition, in processes beside each other
              └─► the questions of sql/audit, one after the other

It only reads. Memory doesn't grow with the event. Whatever is found is named by the check that found it.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any

import msgspec
import psycopg

from contract import queries
from contract.seal import SEAL_BYTES, ballot_seal_of
from contract.vote_id import ReceiptCipher, VoteKind
from ops.auditor.leaf_check import SUM_MODULUS, Leaf, LeafCheck, check_leaf
from ops.auditor.questions import Row, questions

EVENT, RESULTS, MISSING_RECEIPTS = 10, 21, 35
TOLD = (23, 24)  # the questions whose answers stand in the report beside the result
FOUND_MAX = 1000  # lines of one check that a report names

Progress = Callable[[int, int], object]  # told of partitions: done, and all


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
    told: dict[str, list[Row]]
    checks: list[Check]

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not any(check.total for check in self.checks)


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
        if self.event["archived"]:
            raise LookupError(f"the votes of event {event_id} are archived: audit --archive FOLDER, or attach them")

    def run(self, keys: Keys, receipts: Iterable[str], jobs: int, progress: Progress) -> Report:
        """All checks; raises LookupError when the event's keys aren't among these, and psycopg.Error."""
        key_no, event_no = self.event["key_no"], self.event["event_no"]
        if key_no not in keys.seals or key_no not in keys.receipts:
            raise LookupError(f"the keys of the event, number {key_no}, aren't there")
        given = list(receipts)
        seal_key = keys.seals[key_no]
        leaves = self._leaves(seal_key, jobs, progress)
        results = self._ask(RESULTS)
        checks = [
            self._seals(leaves),
            self._ballot(seal_key),
            self._recount(leaves, results),
            self._receipts(given, ReceiptCipher(keys.receipts[key_no])),
            *(
                _check(each.title, each.ask(self._connection, event_no=event_no))
                for each in self._questions.values()
                if each.is_finding and each.number != MISSING_RECEIPTS
            ),
        ]
        seal_sum = sum(leaf.seal_sum for leaf in leaves) % SUM_MODULUS
        return Report(
            self.event,
            sum(leaf.rows for leaf in leaves),
            f"{seal_sum:0{2 * SEAL_BYTES}x}",
            len(given),
            results,
            {self._questions[number].title: self._ask(number) for number in TOLD},
            checks,
        )

    def _ask(self, number: int) -> list[Row]:
        return self._questions[number].ask(self._connection, event_no=self.event["event_no"])

    def _leaves(self, key: bytes, jobs: int, progress: Progress) -> list[LeafCheck]:
        held = self._connection.execute(queries.load("audit.sql")["hold_snapshot"].encode()).fetchone()
        assert held
        partitions = self.event["partitions"]
        leaves = [Leaf(self._url, held[0], self.event["event_no"], leaf) for leaf in range(partitions)]
        checked = []
        for check in _checked(leaves, key, min(jobs, partitions)):
            checked.append(check)
            progress(len(checked), partitions)
        return checked

    def _seals(self, leaves: Iterable[LeafCheck]) -> Check:
        found = [{"voter": voter} for leaf in leaves for voter in leaf.wrong]
        return Check(
            "Has any row another seal than its own?", sum(leaf.wrong_rows for leaf in leaves), found[:FOUND_MAX]
        )

    def _ballot(self, key: bytes) -> Check:
        """Names and numbers of contestants decide who has won, so they are sealed when the event opens."""
        return _check("Is the ballot what it was when the event opened?", list(self._wrong_ballot(key)))

    def _wrong_ballot(self, key: bytes) -> Iterable[Row]:
        if self.event["opened_at"] is None:
            return
        if self.event["ballot_seal"] is None:
            yield {"ballot": "it was never sealed"}
        elif self.event["ballot_seal"] != ballot_seal_of(key, self.event["ballot"]).hex():
            yield {"ballot": "it is not what it was"}

    def _recount(self, leaves: Iterable[LeafCheck], results: Iterable[Row]) -> Check:
        """Rows were counted twice, by Postgres and from the rows themselves: so a lying index or view is noticed."""
        counted = sum((leaf.votes for leaf in leaves), Counter[int]())
        said = {each["contestant_no"]: each["votes"] for each in results}
        found = [
            {"contestant_no": number, "rows": counted[number], "said": said[number]}
            for number in sorted(said)
            if counted[number] != said[number]
        ]
        return _check("Are there as many rows as Postgres says that it counted?", found)

    def _receipts(self, given: Iterable[str], cipher: ReceiptCipher) -> Check:
        """Each receipt must be this event's, of an accepted vote, and its vote must be there."""
        question = self._questions[MISSING_RECEIPTS]
        voters, found = {}, []
        for text in given:
            receipt = cipher.open(uuid.UUID(text))
            if receipt is None or receipt.event_no != self.event["event_no"] or receipt.kind is not VoteKind.ACCEPTED:
                found.append({"vote_id": text, "why": "no receipt of a vote in this event"})
            else:
                voters[receipt.voter.hex()] = text
        asked = [bytes.fromhex(voter) for voter in voters]
        missing = question.ask(self._connection, event_no=self.event["event_no"], voters=asked)
        return _check(question.title, [*found, *({"vote_id": voters[row["voter"]], **row} for row in missing)])


def _checked(leaves: Sequence[Leaf], key: bytes, jobs: int) -> Iterator[LeafCheck]:
    """As they are done; the first that fails ends it."""
    if jobs == 1:
        yield from (check_leaf(leaf, key) for leaf in leaves)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        try:
            for done in as_completed([pool.submit(check_leaf, leaf, key) for leaf in leaves]):
                yield done.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _check(title: str, found: list[Row]) -> Check:
    return Check(title, len(found), found[:FOUND_MAX])
