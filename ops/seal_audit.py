"""Checks an event's rows against their seals, and receipts against the ledger: finds what was done by SQL.

A row that was added or altered without the key has a wrong seal. A row that was deleted leaves no trace in the table,
but it was counted: no contestant may have fewer rows than votes in the stored tallies, and once the event is over, not
more either. And its voter has a receipt: `--receipts` names a file with one vote_id a line, each of which must be in
the ledger. An archived event can't be checked before it is attached again (partitions/030).

    DATABASE_URL=postgresql://vote_auditor@… SEAL_KEYS_FILE=… RECEIPT_KEYS_FILE=… python -m ops.seal_audit EVENT_ID
"""

import argparse
import os
import sys
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from contract import queries, settings
from contract.moment import to_unix_us
from contract.seal import ballot_seal_of, seal_of
from contract.vote_id import ReceiptCipher, VoteKind

ROWS_PER_FETCH = 10_000


@dataclass
class Findings:
    """What an audit found. Voters are pseudonyms in hexadecimal."""

    rows: int
    wrong_seals: list[str]
    lost_receipts: list[str]
    miscounts: list[str]  # a line for each contestant
    wrong_ballot: str = ""  # what is wrong with it

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not (self.wrong_seals or self.lost_receipts or self.miscounts or self.wrong_ballot)


class SealAudit:
    """One audit of one event under one snapshot; the connection is in a transaction of its own."""

    def __init__(self, connection: psycopg.Connection, event_id: uuid.UUID) -> None:
        self._connection = connection
        self._sql = queries.load("audit.sql")
        row = connection.execute(self._sql["audited_event"], {"event_id": event_id}).fetchone()
        if row is None:
            raise LookupError(f"no event {event_id}")
        *numbers, self._is_final, is_archived, self._was_open, self._ballot, self._ballot_seal = row
        self.event_no, self.key_no = numbers
        if is_archived:
            raise LookupError(f"the votes of event {event_id} are archived: attach them first (partitions/030)")

    def run(self, seal_key: bytes, receipt_key: bytes, receipts: Iterable[str]) -> Findings:
        """Check every row, then every receipt."""
        rows: Counter[int] = Counter()
        wrong = []
        for voter, contestant_no, sound in self._checked(seal_key):
            rows[contestant_no] += 1
            if not sound:
                wrong.append(voter.hex())
        cipher = ReceiptCipher(receipt_key)
        lost = [receipt for receipt in receipts if not self._holds(cipher, receipt)]
        return Findings(rows.total(), wrong, lost, list(self._miscounts(rows)), self._wrong_ballot(seal_key))

    def _wrong_ballot(self, key: bytes) -> str:
        """Names and numbers of contestants decide who has won, so they are sealed when the event opens."""
        if not self._was_open:
            return ""
        if self._ballot_seal is None:
            return "the ballot was never sealed"
        if self._ballot_seal != ballot_seal_of(key, self._ballot):
            return "the ballot is not what it was when the event opened"
        return ""

    def _miscounts(self, rows: Counter[int]) -> Iterator[str]:
        """The tallies may lag behind an event that goes on, and never be ahead of it."""
        found = self._connection.execute(self._sql["tallied"], {"event_no": self.event_no}).fetchall()
        tallied: Counter[int] = Counter(dict(found))
        for contestant_no in sorted(rows | tallied):
            votes = tallied[contestant_no]
            if rows[contestant_no] < votes or (self._is_final and rows[contestant_no] != votes):
                yield f"contestant {contestant_no}: {rows[contestant_no]} rows, {votes} counted"

    def _checked(self, key: bytes) -> Iterator[tuple[bytes, int, bool]]:
        with self._connection.cursor(name="seal_audit", binary=True) as cursor:
            cursor.itersize = ROWS_PER_FETCH
            cursor.execute(self._sql["sealed_rows"], {"event_no": self.event_no})
            for voted_at, device, contestant_no, region, voter, seal in cursor:
                expected = seal_of(
                    key,
                    voted_at_us=to_unix_us(voted_at),
                    device=device,
                    event_no=self.event_no,
                    contestant_no=contestant_no,
                    region=region,
                    voter=voter,
                )
                yield voter, contestant_no, seal == expected

    def _holds(self, cipher: ReceiptCipher, text: str) -> bool:
        receipt = cipher.open(uuid.UUID(text))
        if receipt is None or receipt.event_no != self.event_no or receipt.kind is not VoteKind.ACCEPTED:
            return False
        wanted = {"event_no": self.event_no, "voter": receipt.voter}
        return self._connection.execute(self._sql["has_vote"], wanted).fetchone() is not None


def main(arguments: list[str]) -> int:
    """Print what was found; exit code 0 when the event is sound, 1 when not, 2 when it can't be checked."""
    parser = argparse.ArgumentParser(prog="python -m ops.seal_audit", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("event_id", type=uuid.UUID)
    parser.add_argument("--receipts", type=Path, help="a file with one vote_id a line")
    given = parser.parse_args(arguments)
    receipts = given.receipts.read_text().split() if given.receipts else []
    try:
        seal_keys = settings.read(settings.SealKeys, os.environ).by_number
        receipt_keys = settings.read(settings.ReceiptKeys, os.environ).by_number
        with psycopg.connect(settings.read(settings.Primary, os.environ).url) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            audit = SealAudit(connection, given.event_id)
            found = audit.run(seal_keys[audit.key_no], receipt_keys[audit.key_no], receipts)
    except (settings.SettingError, psycopg.Error, LookupError, ValueError) as error:
        print(f"seal_audit: {error}", file=sys.stderr)
        return 2
    print(
        f"{found.rows} rows, {len(found.wrong_seals)} wrong seals, {len(found.lost_receipts)} receipts without a row,"
        f" {len(found.miscounts)} miscounts"
    )
    if audit.key_no >= settings.REHEARSAL_KEYS:
        print("this was a rehearsal: none of it is a real vote")
    if found.wrong_ballot:
        print(found.wrong_ballot)
    for kind, names in (
        ("wrong seal", found.wrong_seals),
        ("receipt without a row", found.lost_receipts),
        ("miscount", found.miscounts),
    ):
        for name in names:
            print(f"{kind}: {name}")
    return 0 if found.sound else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
