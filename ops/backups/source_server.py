"""The Postgres that is backed up: what it says of itself by the replication protocol, and Postgres' own programs on it.

A role with REPLICATION is all that is needed; no SQL is asked. The password goes to programs by their environment,
since whoever looks at this machine's processes sees their words.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from contract import path_patience
from ops.embedded import postgres_user
from ops.embedded.postgres_server import BIN, COPYING
from ops.embedded.refusal import CannotStart

SLOT = "vote_backup"  # of the WAL's receiver, and its application_name, by which commits may wait for it
OLDEST = 180_000
CONNECT_S_MAX = 10
UNITS = {"kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}


@dataclass(frozen=True)
class PostgresPrograms:
    """Programs of one Postgres version, run by who may own its files (see postgres_user)."""

    folder: Path | None  # None: the wheel's

    def words(self, name: str, place: Path) -> list[str]:
        """The command line of a program that works in this folder, without its arguments; raises CannotStart."""
        program = (self.folder or BIN) / name
        if not program.exists():
            raise CannotStart(f"{program} is missing; POSTGRES_PROGRAMS must name a folder with Postgres' programs")
        return [*postgres_user.prefix(program, place), str(program)]

    def run(self, name: str, place: Path, words: Sequence[str], environment: dict[str, str] | None = None) -> None:
        """Run it to its end; it shows its progress itself. Raises CannotStart: it has said why, or what killed it."""
        line = [*self.words(name, place), *words]
        done = subprocess.run(line, check=False, env=environment, cwd=place)
        if done.returncode < 0:  # without a word: out of memory, beyond a limit
            print(f"{name}: killed by {Signals(-done.returncode).name}", file=sys.stderr)
        if done.returncode:
            raise CannotStart(f"{name} failed; it says above why")


class SourceServer:
    """One server and a login with REPLICATION."""

    def __init__(self, url: str) -> None:
        words = {name: value for name, value in conninfo_to_dict(url).items() if name != "dbname"}
        password = words.pop("password", None)
        words |= {"application_name": SLOT, "connect_timeout": CONNECT_S_MAX, **path_patience.LIBPQ}
        self.address = make_conninfo("", **words)
        self.copy_address = make_conninfo("", **words | {"application_name": COPYING})
        self.environment = {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}
        self._words = words | ({"password": password} if password else {})
        self.system_id, timeline = self._ask("IDENTIFY_SYSTEM", 2)
        self.timeline = int(timeline)

    def summarizes(self) -> bool:
        """Whether it keeps what incremental backups need."""
        return self._ask("SHOW summarize_wal", 1) == ["on"]

    def segment_bytes(self) -> int:
        """The size of a segment of its WAL."""
        [text] = self._ask("SHOW wal_segment_size", 1)
        return int(text[:-2]) * UNITS[text[-2:]]

    def has_slot(self) -> bool:
        """Whether the slot of the WAL's receiver is there; raises CannotStart when it is, and has lost what it kept."""
        kind, kept_from = self._ask("READ_REPLICATION_SLOT vote_backup", 2)
        if kind == "physical" and kept_from == "None":
            raise CannotStart(
                f"the server has given up the WAL of the slot {SLOT} (max_slot_wal_keep_size): some of it can't be "
                f"archived any more. SELECT pg_drop_replication_slot('{SLOT}'), then ./ops/backup"
            )
        return kind == "physical"

    def history(self) -> str:
        """How its timeline came about, as Postgres writes it into a history file; "" of the first."""
        if self.timeline == 1:
            return ""
        return self._ask(sql.SQL("TIMELINE_HISTORY {}").format(sql.Literal(self.timeline)), 2)[1]

    def make_slot(self) -> None:
        """Make it; it keeps WAL from the first that is received."""
        self._ask("CREATE_REPLICATION_SLOT vote_backup PHYSICAL (RESERVE_WAL)", 1)

    def _ask(self, command: LiteralString | sql.Composed, columns: int) -> list[str]:
        """The first columns of the one row that answers; raises CannotStart."""
        try:
            connection = psycopg.connect(make_conninfo("", **self._words), replication="true", autocommit=True)
            with connection:
                if connection.info.server_version < OLDEST:
                    raise CannotStart(f"Postgres {connection.info.server_version // 10_000} is too old; 18 is needed")
                row = connection.execute(command).fetchone()
        except psycopg.Error as error:
            raise CannotStart(f"the Postgres to back up: {' '.join(str(error).split())}") from error
        # Without a database there is no encoding: text comes as bytes.
        return [value.decode() if isinstance(value, bytes) else str(value) for value in (row or ())[:columns]]
