"""An audit of a standby that streams: it is the same audit, and one that replay has ended says what to do."""

import contextlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg
import pytest

from ops.auditor.__main__ import main
from ops.auditor.event_audit import EventAudit
from ops.auditor.leaf_check import LeafCheck
from ops.auditor.questions import questions
from ops.rig.event import make_event
from ops.rig.eventually import eventually
from ops.rig.people import RECEIPT_KEY, SEAL_KEY
from ops.rig.postgres import RunningPostgres, postgres, standby_of
from ops.rig.votes import cast_sealed

IMPATIENT = "ALTER SYSTEM SET max_standby_streaming_delay = 0"  # as no standby of auditors should be
ASKING = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'vote_auditor'"


def nobody_asks(impatient: RunningPostgres) -> bool:
    """Whether the audit has no connection; this question, too, may be ended by what is replayed."""
    with contextlib.suppress(psycopg.OperationalError):
        return impatient.execute(ASKING) == [(0,)]
    return False


def test_an_audit_of_a_standby(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sound, under one snapshot for several processes; then the primary changes a table that it reads, and it tells."""
    for name, key in (("SEAL_KEYS_FILE", SEAL_KEY), ("RECEIPT_KEYS_FILE", RECEIPT_KEY)):
        (tmp_path / name).write_text(json.dumps({"1": key.hex()}))
        monkeypatch.setenv(name, str(tmp_path / name))
    with (
        postgres(tmp_path / "primary", "autovacuum = off") as primary,
        standby_of(primary, tmp_path / "standby", "standby", "hot_standby_feedback = off") as standby,
    ):
        with psycopg.connect(primary.database.url(), autocommit=True) as owner:
            event = make_event(owner, expected_votes=10_000_000)
            (tmp_path / "receipts").write_text(
                "\n".join(cast_sealed(owner, event, [bytes([n]) * 12 for n in range(9)]))
            )
        [(end,)] = primary.execute("SELECT pg_current_wal_lsn()")
        replayed = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
        eventually(lambda: standby.execute(replayed, end) == [(True,)], "the standby has replayed the votes")
        monkeypatch.setenv("DATABASE_URL", standby.database.url("vote_auditor"))
        words = [event.event_id, "--receipts", str(tmp_path / "receipts"), "--jobs", "2"]
        assert main(words) == 0
        said = capsys.readouterr().out
        assert said.startswith("9 votes, 9 receipts: nothing was found\n")
        assert "On a replica: True\n" in said
        assert "\n  Behind: " in said

        standby.execute("SELECT pg_wal_replay_pause()")
        primary.execute("UPDATE events SET event_name = 'Lie'")
        with psycopg.connect(standby.database.url("vote_auditor"), autocommit=True) as auditor:
            asked = partial(questions()[10].ask, auditor, event_id=event.event_id)
            eventually(lambda: asked()[0]["behind_s"] > 0, "it knows that it is behind")
            standby.execute("SELECT pg_wal_replay_resume()")
            eventually(lambda: asked()[0]["behind_s"] == 0, "it has caught up")

        check: Callable[..., list[LeafCheck]] = EventAudit._leaves

        def meanwhile(audit: EventAudit, *given: object) -> list[LeafCheck]:
            standby.execute(IMPATIENT)
            standby.execute("SELECT pg_reload_conf()")
            primary.execute("ALTER TABLE contestants ADD COLUMN more text")
            eventually(lambda: nobody_asks(standby), "replay has ended the audit's connection")
            return check(audit, *given)

        monkeypatch.setattr(EventAudit, "_leaves", meanwhile)
        assert main(words) == 2
        said = capsys.readouterr().err
        assert "conflict with recovery" in said
        assert "run the audit again" in said
        assert "hot_standby_feedback = on" in said
