"""The files of an archived event, as partitions/015_archive.sql writes them: CSV in UTC, and a manifest of digests.

manifest.seal beside them is the manifest's keyed seal in hexadecimal: only who holds the event's seal key can make
one, so a manifest that was made to fit changed files has none, or a wrong one.
"""

import csv
import functools
import hashlib
import hmac
import json
import struct
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from contract.moment import to_unix_us
from contract.seal import manifest_seal_of, seal_of
from ops.auditor.questions import Row

NEEDED = ("event.csv", "contestants.csv", "tallies.csv", "audit_log.csv", "votes.csv")
MAY_BE_GONE = "vote_evidence.csv"  # its time ends before that of the votes
_VOTER_LETTERS = len("\\x") + 2 * 12
_VOTES = ["voted_at", "device", "event_no", "contestant_no", "region", "voter", "seal"]


class Vote(NamedTuple):
    """A row of votes.csv; its moment in Unix microseconds."""

    voted_at_us: int
    device: int | None
    event_no: int
    contestant_no: int
    region: str | None
    voter: bytes
    seal: bytes

    def is_sealed(self, key: bytes) -> bool:
        """Whether the seal is the row's own."""
        facts = {name: value for name, value in self._asdict().items() if name != "seal"}
        try:
            return hmac.compare_digest(seal_of(key, **facts), self.seal)
        except (ValueError, struct.error):  # no row of the ledger can hold such a number or region
            return False


class Archive:
    """One folder; raises OSError and ValueError where it can't be read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._manifest = (folder / "manifest.json").read_bytes()
        self.manifest: dict[str, Any] = json.loads(self._manifest)
        if not isinstance(self.manifest, dict) or not isinstance(self.manifest.get("files"), dict):
            raise ValueError("manifest.json doesn't say which files the archive has")  # noqa: TRY004 - it is what was read
        self.files: dict[str, dict[str, Any]] = self.manifest["files"]

    def missing(self) -> list[str]:
        """The files that an audit needs, and that aren't there or that the manifest doesn't name."""
        return [name for name in NEEDED if name not in self.files or not (self._folder / name).exists()]

    def rows(self, name: str) -> list[dict[str, str | None]]:
        """All rows of a small file, by column; an empty field is null."""
        with (self._folder / name).open(encoding="utf-8", newline="") as file:
            try:
                return [{column: text or None for column, text in row.items()} for row in csv.DictReader(file)]
            except csv.Error as error:
                raise ValueError(f"{name}: {error}") from error

    def votes(self) -> Iterator[Vote | str]:
        """Every vote in the order of the file, one at a time; of a row that is none, why."""
        with (self._folder / "votes.csv").open(encoding="utf-8", errors="replace", newline="") as file:
            rows = _readable(csv.reader(file))
            if next(rows, None) != _VOTES:
                raise ValueError("votes.csv has not the columns of votes")
            for row in rows:
                yield row if isinstance(row, str) else _vote(row)

    def changed(self) -> Iterator[Row]:
        """The files that aren't what the manifest says, or that it should name and doesn't."""
        for name in NEEDED:
            if name not in self.files:
                yield {"file": name, "why": "the manifest doesn't name it"}
        for name, said in self.files.items():
            path = self._folder / name
            if not path.exists():
                if name != MAY_BE_GONE:
                    yield {"file": name, "why": "it is gone"}
            else:
                with path.open("rb") as file:
                    if hashlib.file_digest(file, "sha256").hexdigest() != said["sha256"]:
                        yield {"file": name, "why": "it is not what the manifest says"}

    @property
    def is_unsealed(self) -> bool:
        """Whether nobody has sealed the manifest yet."""
        return not (self._folder / "manifest.seal").exists()

    def seal(self, key: bytes) -> None:
        """Write the manifest's seal beside it; raises FileExistsError when there is one, which is never replaced."""
        with (self._folder / "manifest.seal").open("x", encoding="ascii") as file:
            file.write(manifest_seal_of(key, self._manifest).hex() + "\n")

    def wrong_seal(self, key: bytes) -> Iterable[Row]:
        """Whether the manifest is what was sealed."""
        path = self._folder / "manifest.seal"
        if self.is_unsealed:
            return [{"manifest": "it was never sealed"}]
        is_own = hmac.compare_digest(path.read_bytes().strip(), manifest_seal_of(key, self._manifest).hex().encode())
        return [] if is_own else [{"manifest": "it is not what was sealed"}]


def _readable(rows: Iterator[list[str]]) -> Iterator[list[str] | str]:
    """Each row; of one that isn't any, why. A lone quote makes one of all that follows, up to the longest field."""
    while True:
        try:
            yield next(rows)
        except StopIteration:
            return
        except csv.Error as error:  # it goes on with the next line
            yield str(error)


def _vote(row: list[str]) -> Vote | str:
    try:
        moment, device, event_no, contestant_no, region, voter, seal = row
        if len(region) not in {0, 2} or len(voter) != _VOTER_LETTERS:
            return "no region has this length, or no voter"  # a seal is made of so many bytes of them
        return Vote(
            unix_us(moment),
            int(device) if device else None,
            int(event_no),
            int(contestant_no),
            region or None,
            bytes.fromhex(voter.removeprefix("\\x")),
            bytes.fromhex(seal.removeprefix("\\x")),
        )
    except ValueError as error:
        return str(error)


@functools.lru_cache(1024)  # all votes of a batch have the same
def unix_us(text: str) -> int:
    """A moment as Postgres writes it in UTC."""
    return to_unix_us(datetime.fromisoformat(text))
