"""An audit of an archived event, offline: with only its archive and the keys.

Rows are read one at a time, in the order of the file, which is that of their voters: so memory doesn't grow with the
event. A vote that is gone from rows, tallies and manifest alike is told by its receipt, or by the manifest's seal.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable

from contract.moment import from_unix_us
from contract.seal import SEAL_BYTES
from contract.vote_id import ReceiptCipher
from ops.auditor.archive import Archive, Vote, unix_us
from ops.auditor.ballot_check import TITLE as BALLOT
from ops.auditor.ballot_check import wrong_ballot
from ops.auditor.event_audit import FOUND_MAX, Check, Keys, Report, check_of
from ops.auditor.leaf_check import SEALS, SUM_MODULUS
from ops.auditor.questions import Row
from ops.auditor.receipt_opener import opened_receipts

MANIFEST = "Is the manifest what was sealed?"
FILES = "Is each file of the archive what its manifest says?"
COUNTED = "Are there as many rows as the archived tallies say?"
_ROWS = {
    "seals": SEALS,
    "foreign": "Is any row of another event, or for a contestant who isn't on the ballot?",
    "twice": "Did anybody vote twice, or are rows out of their order?",
    "hours": "Has any vote a time at which voting was not open: before, after, or in a pause?",
}
_STARTS, _STOPS = {"event.open", "event.resume"}, {"event.pause", "event.close", "event.cancel"}


class _Found:
    """Of one check."""

    def __init__(self) -> None:
        self.total, self.rows = 0, list[Row]()

    def add(self, row: Row) -> None:
        self.total += 1
        if self.total <= FOUND_MAX:
            self.rows.append(row)


class ArchiveAudit:
    """An audit of one folder; raises OSError, ValueError, KeyError and LookupError where it can't be told."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        [event] = archive.rows("event.csv")
        self._event = event
        self.event_no, self.key_no = int(event["event_no"] or 0), int(event["key_no"] or 0)
        self.rows = int(archive.files["votes.csv"]["rows"])

    def run(self, keys: Keys, receipts: Iterable[str], progress: Callable[[], object]) -> Report:
        """All checks; progress is called for each row."""
        if self.key_no not in keys.seals or self.key_no not in keys.receipts:
            raise LookupError(f"the keys of the event, number {self.key_no}, aren't there")
        key, given = keys.seals[self.key_no], list(receipts)
        wanted, no_receipts = opened_receipts(given, ReceiptCipher(keys.receipts[self.key_no]), self.event_no)
        found = {name: _Found() for name in _ROWS}
        handed_in = list[Row]()
        votes, seal_sum = self._read(key, found, wanted, handed_in, progress)
        missing = [*no_receipts, *({"vote_id": vote_id, "why": "its vote is gone"} for vote_id in wanted.values())]
        checks = [
            check_of(MANIFEST, self._archive.wrong_seal(key)),
            check_of(FILES, self._archive.changed()),
            *(Check(title, found[name].total, found[name].rows) for name, title in _ROWS.items()),
            check_of(BALLOT, self._wrong_ballot(key, has_votes=votes.total() > 0)),
            check_of(COUNTED, self._miscounted(votes)),
            check_of("Which of the receipts that were handed in have no vote?", missing),
        ]
        return Report(
            self._facts(),
            votes.total(),
            f"{seal_sum:0{2 * SEAL_BYTES}x}",
            len(given),
            self._results(votes),
            handed_in,
            {},
            checks,
        )

    def _read(
        self,
        key: bytes,
        found: dict[str, _Found],
        wanted: dict[bytes, str],
        handed_in: list[Row],
        progress: Callable[[], object],
    ) -> tuple[Counter[int], int]:
        """Votes by contestant and the sum of all seals; moves whoever voted from `wanted` to `handed_in`."""
        turns = self._turns()
        votes, seal_sum, last = Counter[int](), 0, b""
        ballot = {int(row["contestant_no"] or 0) for row in self._archive.rows("contestants.csv")}
        for number, vote in enumerate(self._archive.votes(), start=1):
            progress()
            if not isinstance(vote, Vote):
                found["seals"].add({"row": number, "why": vote})
                continue
            told: Row = {"row": number, "voter": vote.voter.hex(), "contestant_no": vote.contestant_no}
            is_sealed = vote.is_sealed(key)
            if not is_sealed:
                found["seals"].add(told)
            if vote.event_no != self.event_no or vote.contestant_no not in ballot:
                found["foreign"].add({**told, "event_no": vote.event_no})
            if vote.voter <= last:
                found["twice"].add(told)
            if not _is_open(turns, vote.voted_at_us):
                found["hours"].add({**told, "voted_at_us": vote.voted_at_us})
            last = vote.voter
            votes[vote.contestant_no] += 1
            seal_sum += int.from_bytes(vote.seal, "big")
            vote_id = wanted.pop(vote.voter, None)
            if vote_id and len(handed_in) < FOUND_MAX:
                handed_in.append({"vote_id": vote_id, **told, **_vote_of(vote), "seal_is_own": is_sealed})
        return votes, seal_sum % SUM_MODULUS

    def _turns(self) -> list[tuple[int, bool]]:
        """When voting began or stopped, in order, by the log of acts and the hours of the event."""
        acts = [
            (unix_us(row["at"] or ""), row["action"] in _STARTS)
            for row in self._archive.rows("audit_log.csv")
            if row["action"] in _STARTS | _STOPS
        ]
        closes_at = self._event["closes_at"]
        if closes_at is None:
            return acts
        end = unix_us(closes_at)
        return [*((at, starts) for at, starts in acts if at < end), (end, False)]

    def _wrong_ballot(self, key: bytes, *, has_votes: bool) -> Iterable[Row]:
        event, seal = self._event, self._event["ballot_seal"]
        contestants = [
            [int(row["contestant_no"] or 0), row["contestant_id"], row["contestant_name"]]
            for row in self._archive.rows("contestants.csv")
        ]
        rows = [self.event_no, event["event_id"], event["event_name"], contestants or None]
        opened = any(row["action"] == "event.open" for row in self._archive.rows("audit_log.csv"))
        return wrong_ballot(
            key,
            event["ballot"] or "",
            seal and seal.removeprefix("\\x"),
            rows=rows,
            has_opened=has_votes or opened,
        )

    def _miscounted(self, votes: Counter[int]) -> Iterable[Row]:
        stored = {int(row["contestant_no"] or 0): int(row["votes"] or 0) for row in self._archive.rows("tallies.csv")}
        for number in sorted(stored.keys() | votes.keys()):
            if stored.get(number, 0) != votes[number]:
                yield {"contestant_no": number, "rows": votes[number], "counted": stored.get(number, 0)}
        if votes.total() != self.rows:
            yield {"rows": votes.total(), "manifest": self.rows}

    def _results(self, votes: Counter[int]) -> list[Row]:
        every = votes.total()
        rows = [
            {
                "contestant_no": int(row["contestant_no"] or 0),
                "contestant_id": row["contestant_id"],
                "contestant_name": row["contestant_name"],
                "votes": votes[int(row["contestant_no"] or 0)],
                "percent": f"{100 * votes[int(row['contestant_no'] or 0)] / every:.4f}" if every else None,
            }
            for row in self._archive.rows("contestants.csv")
        ]
        return sorted(rows, key=lambda row: (-row["votes"], row["contestant_no"]))

    def _facts(self) -> Row:
        manifest = self._archive.manifest
        return {
            **self._event,
            "rehearsal": self._event["rehearsal"] == "t",
            "partitions": self._event["modulus"],
            "asked_at": manifest["archived_at"],
            "wal_position": manifest["wal_position"],
            "on_replica": "no: an archive",
        }


def incomplete_report(archive: Archive, missing: Iterable[str]) -> Report:
    """A report of an archive that lacks files which all other checks need: that is what was found."""
    manifest = archive.manifest
    event = {
        "event_name": "an archive that isn't whole",
        "event_id": manifest.get("event_id", "unknown"),
        "asked_at": manifest.get("archived_at"),
        "wal_position": manifest.get("wal_position"),
    }
    checks = [check_of(FILES, archive.changed())]
    return Report(event, 0, "", 0, [], [], {}, checks, f"anything else, without {', '.join(missing)}")


def _vote_of(vote: Vote) -> Row:
    """The rest of it, as question 25 tells it of the ledger."""
    moment = from_unix_us(vote.voted_at_us)
    return {"voted_at": moment, "device": vote.device, "region": vote.region, "seal": vote.seal.hex()}


def _is_open(turns: list[tuple[int, bool]], at: int) -> bool:
    """Whether voting was open; the moment of a turn belongs to both sides, as in sql/audit/32."""
    after = bisect_right(turns, (at, True))
    return after > 0 and (turns[after - 1][1] or turns[after - 1][0] == at)
