"""One base backup: copied, verified, known to be continued by the archive, and only then there; what is too old goes.

    pg_basebackup ─► pg_verifybackup ─► its last segment is in the archive ─► it gets its name ─► retention

Whatever fails leaves all earlier backups, and all WAL that they need, as they were.
"""

import datetime as dt
import os
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from ops.backups.backup_folder import (
    FULL,
    INCREMENTAL,
    MANIFEST,
    NOTE,
    PARTIAL,
    Backup,
    BackupFolder,
    on_branch,
    range_in,
    stamp,
    sync,
    to_remove,
)
from ops.backups.settings import BackupRules
from ops.backups.source_server import PostgresPrograms, SourceServer
from ops.backups.wal_segments import Segment, name_of, segment_of
from ops.embedded import postgres_user
from ops.embedded.readiness import wait_until
from ops.embedded.refusal import CannotStart

STANDS_STILL_S = 60
NOTHING_RECEIVES = (
    "nothing receives the WAL in {} (python -m ops.backups.wal_receiver, or `backup` under ./ops/up): such a backup "
    "could be restored to its own end only"
)


class BaseBackup:
    """Takes one of this server into this folder."""

    def __init__(
        self, server: SourceServer, folder: BackupFolder, programs: PostgresPrograms, rules: BackupRules
    ) -> None:
        self._server = server
        self._folder = folder
        self._programs = programs
        self._rules = rules

    def make_room(self) -> None:
        """Remove what is too old already: a full disk may have no room for the next one, nor for WAL until then."""
        self._folder.prepare(self._server.system_id)
        with self._folder.alone():
            self._folder.sweep()
            if self._folder.backups():
                self._remove_old(self._server.segment_bytes())

    def take(self, *, full: bool) -> Backup:
        """Return when it is there and what is too old is gone; raises CannotStart."""
        segment_bytes = self._server.segment_bytes()
        if not self._server.has_slot():
            raise CannotStart(NOTHING_RECEIVES.format(self._folder.wal))
        with self._folder.alone():
            known = self._folder.backups()
            before = None if full else self._to_add_to(known)
            made = self._copy(before)
            if before and made is None:
                print("No incremental one could be made of what the server still knows; a full one follows.")
                made = self._copy(None)
            if made is None:
                raise CannotStart("the copy failed; pg_basebackup says above why")
            self._wait_for_archive(made, segment_bytes)
            self._name(made)
            self._remove_old(segment_bytes)
        return made

    def _to_add_to(self, known: Sequence[Backup]) -> Backup | None:
        """The newest one, unless a full one is due.

        Of those that the server's own history goes on from: what others hold of a history that a restore has left isn't
        in its WAL, and Postgres may take it for the same where its own is longer.
        """
        history = self._folder.history(self._server.timeline)
        known = [backup for backup in known if on_branch(backup, self._server.timeline, history)]
        since_full = next((number for number, each in enumerate(reversed(known)) if each.kind == FULL), None)
        if since_full is None or since_full >= self._rules.incrementals:
            return None
        if not self._server.summarizes():
            print("The server has summarize_wal off: full backups only.")
            return None
        return known[-1]

    def _copy(self, before: Backup | None) -> Backup | None:
        """Copy and verify; None: Postgres made none. Raises CannotStart when what it made is damaged."""
        kind = INCREMENTAL if before else FULL
        name = f"{stamp(dt.datetime.now(dt.UTC))}-{kind}"
        place = self._partial(name)
        for folder in (place, place / "data"):
            folder.mkdir(mode=0o700)
            postgres_user.give(folder)
        data = place / "data"
        words = ["-d", self._server.copy_address, "-D", str(data), "--checkpoint=fast", "--no-password", "--progress"]
        words += ["--incremental", str(self._folder.data(before.name) / MANIFEST)] if before else []
        try:
            self._programs.run("pg_basebackup", place, words, self._server.environment)
        except CannotStart:
            shutil.rmtree(place, ignore_errors=True)  # its other process may be writing still; the next one sweeps
            return None
        self._programs.run("pg_verifybackup", place, ["--progress", str(data)])
        finished = dt.datetime.now(dt.UTC)
        return Backup(name, kind, before.name if before else "", finished, *range_in(data / MANIFEST))

    def _partial(self, name: str) -> Path:
        return self._folder.base / f"{name}{PARTIAL}"

    def _wait_for_archive(self, made: Backup, segment_bytes: int) -> None:
        """Return when its last segment is archived, however far behind that is; raises CannotStart if it won't be."""
        last = Segment(made.timeline, (made.end_lsn - 1) // segment_bytes)
        name = name_of(last, segment_bytes)
        newest = self._folder.newest_segments()
        while not self._is_archived(name):
            if any((segment_of(file.name, segment_bytes) or last) > last for file in newest):
                raise CannotStart(f"the segment {name} was not received in {self._folder.wal}, and later ones are")
            wait_until(partial(self._why_at_a_standstill, name, newest), STANDS_STILL_S)
            newest = self._folder.newest_segments()

    def _is_archived(self, name: str) -> bool:
        return any(self._folder.wal.glob(f"*/{name}"))

    def _why_at_a_standstill(self, awaited: str, newest: Mapping[Path, float]) -> str:
        if self._is_archived(awaited) or self._folder.newest_segments() != newest:
            return ""
        return f"the segment {awaited} doesn't arrive: {NOTHING_RECEIVES.format(self._folder.wal)}"

    def _name(self, made: Backup) -> None:
        place = self._partial(made.name)
        with (place / NOTE).open("wb") as note:
            note.write(msgspec.json.encode(made))
            note.flush()
            os.fsync(note.fileno())
        sync(place)
        place.rename(self._folder.base / made.name)
        sync(self._folder.base)  # before any older one goes

    def _remove_old(self, segment_bytes: int) -> None:
        """Backups first: without them their WAL is of no use."""
        timeline = self._server.timeline
        history = self._folder.history(timeline)
        for backup in to_remove(self._folder.backups(), self._rules.fulls_kept, timeline, history):
            self._folder.remove(backup.name)
            print(f"Removed {backup.name}.")
        needed_from = min(backup.start_lsn for backup in self._folder.backups()) // segment_bytes
        for file, segment in self._folder.segments(segment_bytes).items():
            if segment.number < needed_from:
                file.unlink()
