"""The canaries' own memory: an SQLite file of mode 0600, with a refresh token for each, and how far their event is.

    voters       user_id, the newest refresh token, when it was renewed, whether it has had its vote of this event
    event        the only row: the event, and the key by which its successor is made once
    contestants  in their order, each with the votes that were acked for it

Who opens it has it alone until it is closed: two of them would take each other's votes for their own. A canary is
marked before its vote is sent, and its new token kept before the vote; so a process that is killed costs at most the
canaries whose votes were under way.
"""

import contextlib
import os
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS voters (
           user_id text PRIMARY KEY, refresh_token text NOT NULL, renewed_at real NOT NULL, voted int NOT NULL DEFAULT 0
       )""",
    "CREATE INDEX IF NOT EXISTS voters_left ON voters (renewed_at) WHERE voted = 0",
    "CREATE TABLE IF NOT EXISTS event (event_id text, next_key text NOT NULL)",
    "CREATE TABLE IF NOT EXISTS contestants (contestant_id text PRIMARY KEY, acks integer NOT NULL DEFAULT 0)",
)


class CanaryFileError(OSError):
    """The file can't be used: another process has it, or it is none of ours."""


class Canary(NamedTuple):
    """A voter who is nobody, and what renews its session."""

    user_id: str
    refresh_token: str


class CanaryEvent(NamedTuple):
    """The event that canaries vote in; contestants in their order."""

    event_id: str
    contestants: list[str]


class CanaryFile:
    """A context: opened and locked in it. Raises `CanaryFileError`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        self._sql = sqlite3.connect(self._path, isolation_level=None, timeout=0)
        try:
            # Without fsync: a killed process loses nothing, a machine some tokens, whose canaries are made anew.
            for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = NORMAL"):
                self._rows(f"PRAGMA {pragma}")
            for table in _SCHEMA:
                self._rows(table)
        except CanaryFileError:
            self._sql.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sql.close()

    def add(self, canaries: Iterable[Canary]) -> None:
        """Keep new ones."""
        with self._together():
            for canary in canaries:
                self._rows(
                    "INSERT INTO voters (user_id, refresh_token, renewed_at) VALUES (?, ?, ?)", *canary, time.time()
                )

    def count(self) -> int:
        """How many there are."""
        return self._number("SELECT count(*) FROM voters")

    def votes_left(self) -> int:
        """How many of them haven't had their vote of this event."""
        return self._number("SELECT count(*) FROM voters WHERE voted = 0")

    def take(self) -> Canary | None:
        """Mark the one that was renewed longest ago among those, as one that votes; None: all have."""
        found = self._rows(
            "UPDATE voters SET voted = 1 WHERE user_id ="
            " (SELECT user_id FROM voters WHERE voted = 0 ORDER BY renewed_at LIMIT 1) RETURNING user_id, refresh_token"
        )
        return Canary(*found[0]) if found else None

    def give_back(self, user_id: str) -> None:
        """It was taken and no vote of it was sent."""
        self._rows("UPDATE voters SET voted = 0 WHERE user_id = ?", user_id)

    def renew(self, canary: Canary) -> None:
        """Keep its new refresh token."""
        self._rows(
            "UPDATE voters SET refresh_token = ?, renewed_at = ? WHERE user_id = ?",
            canary.refresh_token,
            time.time(),
            canary.user_id,
        )

    def forget(self, user_id: str) -> None:
        """Its session has ended."""
        self._rows("DELETE FROM voters WHERE user_id = ?", user_id)

    def forget_before(self, renewed_at: float) -> None:
        """The sessions of those that weren't renewed since then (Unix seconds) have ended."""
        self._rows("DELETE FROM voters WHERE renewed_at < ?", renewed_at)

    def forget_all(self) -> None:
        """All of it is of another database."""
        with self._together():
            self._rows("DELETE FROM voters")
            self._rows("DELETE FROM event")
            self._rows("DELETE FROM contestants")

    def event(self) -> CanaryEvent | None:
        """The event; None: there is none yet."""
        found = self._rows("SELECT event_id FROM event WHERE event_id IS NOT NULL")
        contestants = self._rows("SELECT contestant_id FROM contestants ORDER BY rowid")
        return CanaryEvent(found[0][0], [each for (each,) in contestants]) if found else None

    def next_key(self) -> str:
        """By what the next event is known, so that it is made once, however often it is asked for."""
        new = secrets.token_urlsafe()
        self._rows("INSERT INTO event (next_key) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM event)", new)
        return str(self._rows("SELECT next_key FROM event")[0][0])

    def start(self, event_id: str, contestants: Sequence[str]) -> None:
        """From now on this is the event, and nobody has voted in it."""
        with self._together():
            self._rows("DELETE FROM event")
            self._rows("INSERT INTO event (event_id, next_key) VALUES (?, ?)", event_id, secrets.token_urlsafe())
            self._rows("DELETE FROM contestants")
            for contestant_id in contestants:
                self._rows("INSERT INTO contestants (contestant_id) VALUES (?)", contestant_id)
            self._rows("UPDATE voters SET voted = 0")

    def acks(self, contestant_id: str) -> int:
        """How many votes there are for this contestant at least, as far as acks tell."""
        return self._number("SELECT acks FROM contestants WHERE contestant_id = ?", contestant_id)

    def acked(self, contestant_id: str, votes: int) -> None:
        """Keep that there are so many."""
        self._rows("UPDATE contestants SET acks = ? WHERE contestant_id = ?", votes, contestant_id)

    @contextlib.contextmanager
    def _together(self) -> Iterator[None]:
        """All of the block, or nothing: what isn't committed when an error comes is gone with the connection."""
        self._rows("BEGIN")
        yield
        self._rows("COMMIT")

    def _number(self, query: str, *arguments: str) -> int:
        return int(self._rows(query, *arguments)[0][0])

    def _rows(self, statement: str, *arguments: str | float) -> list[Any]:
        try:
            return self._sql.execute(statement, arguments).fetchall()
        except sqlite3.OperationalError as error:
            raise CanaryFileError(f"{self._path}: {error}; does another process use it?") from error
        except sqlite3.DatabaseError as error:
            raise CanaryFileError(f"{self._path} holds no canaries ({error})") from error
