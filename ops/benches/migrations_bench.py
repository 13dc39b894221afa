"""How long each migration takes on a ledger that is full, and that none of them changes or rewrites a vote.

The ledger begins as migration 0004 left it, with an open event of so many votes and a small one whose votes are sealed.
Then all migrations since are applied. Every column of every row must be what it was, every table and index the same
file, and the seals right.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psycopg

from ops import migrate
from ops.auditor.leaf_check import Leaf, check_leaf
from ops.benches import bench_report
from ops.benches.large_fill import fill_large
from ops.identity_move import move_people
from ops.migrate import Applied
from ops.rig.database import Database
from ops.rig.event import Event, find_event
from ops.rig.old_ledger import old_ledger
from ops.rig.people import SEAL_KEY
from ops.rig.postgres import migrated_database
from ops.rig.votes import cast_sealed

OLD = "0005_tallies.sql"  # the first that finds votes
SEALED = 1_000
_ROWS = """
    SELECT count(*), sum(hash_record_extended(
        ROW(voted_at, device, event_no, contestant_no, region, voter, seal), 0)::numeric)::text FROM votes"""
_FILES = r"SELECT relname, relfilenode FROM pg_class WHERE relname ~ '^vote(s|_rejections)_e' AND relkind IN ('r', 'i')"


class Kept(NamedTuple):
    """What must be the same afterwards: how many votes, a digest of all of them, and where tables and indexes lie."""

    votes: int
    digest: str
    files: dict[str, int]


class History(NamedTuple):
    """What all migrations since did to such a ledger."""

    applied: list[Applied]
    before: Kept
    after: Kept
    sealed: int  # so many seals are right in the end

    @property
    def sound(self) -> bool:
        """Whether they left all votes as they were."""
        return self.before == self.after and self.sealed == SEALED


def main(arguments: Sequence[str]) -> int:
    """Run it; exit code 1 when a vote was changed."""
    parser = argparse.ArgumentParser(prog="./ops/bench migrations")
    parser.add_argument("--votes", type=int, default=1_000_000, help="how many are in the ledger")
    votes = parser.parse_args(arguments).votes
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        migrated_database(Path(folder) / "postgres") as database,
    ):
        bench_report.conditions(postgres=database.version(), votes=votes)
        history = apply_history(database, votes)
    bench_report.table(("migration", "ms"), [(name, 1000 * seconds) for name, seconds in history.applied])
    times = [seconds for _, seconds in history.applied]
    bench_report.ratios({"sound": history.sound, "slowest_s": max(times), "all_s": sum(times)})
    return 0 if history.sound else 1


def apply_history(beside: Database, votes: int) -> History:
    """Fill an old ledger on this server, which has a database of people beside this one, and bring it up to date."""
    with old_ledger(beside, OLD) as old:
        with psycopg.connect(old.url(), autocommit=True) as owner:
            large, sealed = _open_event(owner, votes), _open_event(owner, SEALED)
            fill_large(old, large, votes)
            cast_sealed(owner, sealed, [number.to_bytes(12, "big") for number in range(SEALED)])
            before = _kept(owner)
        moving = {migrate.IDENTITY_LEAVES: partial(move_people, identity_url=beside.identity.url())}
        applied = migrate.migrate(old.url(), migrate.LEDGER, moving)
        with psycopg.connect(old.url()) as owner:
            after = _kept(owner)
            [(snapshot,)] = owner.execute("SELECT pg_export_snapshot()").fetchall()
            check = check_leaf(Leaf(old.url(), snapshot, sealed.event_no, 0), SEAL_KEY)
    return History(applied, before, after, check.rows - check.wrong_rows)


def _open_event(owner: psycopg.Connection, votes: int) -> Event:
    """As command made it then."""
    given = [
        {"contestant_name": f"C{number}", "contestant_description": "", "contestant_image_url": ""}
        for number in range(1, 6)
    ]
    content = json.dumps({"event_name": "Final", "expected_votes": votes, "contestants": given})
    made = "SELECT event_id::text FROM create_event(%s, 1, gen_random_uuid(), 'then')"
    [(event_id,)] = owner.execute(made, [content]).fetchall()
    owner.execute("SELECT change_event_status(%s, 'open', NULL, NULL)", [event_id])
    return find_event(owner, event_id)


def _kept(owner: psycopg.Connection) -> Kept:
    [(votes, digest)] = owner.execute(_ROWS).fetchall()
    return Kept(votes, digest, {str(name): int(node) for name, node in owner.execute(_FILES).fetchall()})
