"""An event that has closed, for the DBA's scripts to work on; what they moved, and what they refused."""

import hashlib
from pathlib import Path

import psycopg
from psycopg import sql

from ops.rig.database import Database
from ops.rig.dba_scripts import psql, run_script
from ops.rig.event import Event, change_status, make_event
from ops.rig.votes import cast

_REFUSE = "INSERT INTO vote_rejections SELECT voted_at, event_no, 1, 2, voter FROM votes WHERE event_no = %s LIMIT 1"
_EVIDENCE = "INSERT INTO vote_evidence (event_no, votes, hits, block) VALUES (%s, 1, '[]', 'block')"
_COUNT = "INSERT INTO tallies SELECT event_no, contestant_no, count(*) FROM votes WHERE event_no = %s GROUP BY 1, 2"


def closed_event(dba: psycopg.Connection) -> Event:
    """With twelve votes and one refusal, counted, and a block of evidence."""
    event = make_event(dba, expected_votes=1000)
    cast(dba, event, 1, 5)
    cast(dba, event, 2, 7)
    for statement in (_REFUSE, _EVIDENCE, _COUNT):
        dba.execute(statement, [event.event_no])
    change_status(dba, event.event_id, "close")
    return event


def rows_of(dba: psycopg.Connection, event: Event) -> list[list[tuple[object, ...]]]:
    """All that the scripts move about."""
    tables = ("votes", "vote_rejections", "vote_evidence")
    asked = [
        sql.SQL("SELECT t::text FROM {} t WHERE event_no = %s ORDER BY 1").format(sql.Identifier(t)) for t in tables
    ]
    return [dba.execute(statement, [event.event_no]).fetchall() for statement in asked]


def refused(ledger: Database, script: str, why: str, **variables: object) -> None:
    """The script says why, and ends with an error."""
    done = psql(ledger, script, **variables)
    assert done.returncode != 0
    assert why in done.stderr


def archived(ledger: Database, event: Event, folder: Path) -> Path:
    """The event is detached then, its archive in this folder."""
    run_script(ledger, "015_archive.sql", event_no=event.event_no, folder=folder)
    run_script(ledger, "020_detach_event.sql", event_no=event.event_no)
    return folder


def make_fit(manifest: Path, before: bytes, after: bytes) -> None:
    """Let the manifest say the digest of what a file is now."""
    old, new = (hashlib.sha256(content).hexdigest() for content in (before, after))
    manifest.write_text(manifest.read_text().replace(old, new))
