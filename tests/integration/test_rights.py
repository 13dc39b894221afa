"""Who may do what in the ledger's database: all of it listed, and tried as each role that can log in."""

import psycopg
import pytest

from ops.embedded.program_environment import LOGIN_ROLES
from ops.rig.database import Database
from ops.rig.event import make_event
from ops.rig.rights import allowed_of, rights

GRANTED = """
PUBLIC: CONNECT on the database
PUBLIC: TEMPORARY on the database
vote_auditor: EXECUTE ballot_of/1
vote_auditor: EXECUTE has_partition/2
vote_auditor: EXECUTE sealed_rows/2
vote_auditor: SELECT audit_log
vote_auditor: SELECT confirmations
vote_auditor: SELECT contestants
vote_auditor: SELECT events
vote_auditor: SELECT fanout_checkpoint
vote_auditor: SELECT frozen_tallies
vote_auditor: SELECT tallies
vote_auditor: SELECT vote_assurances
vote_auditor: SELECT vote_evidence
vote_auditor: SELECT vote_rejections
vote_auditor: SELECT votes
vote_command: EXECUTE add_contestant/4
vote_command: EXECUTE ballot_of/1
vote_command: EXECUTE carry_out/4
vote_command: EXECUTE cast_traced_votes/11
vote_command: EXECUTE cast_votes/9
vote_command: EXECUTE change_status/6
vote_command: EXECUTE confirm_change/3
vote_command: EXECUTE create_event/5
vote_command: EXECUTE draft_of/1
vote_command: EXECUTE due_changes/0
vote_command: EXECUTE edit_contestant/5
vote_command: EXECUTE edit_event/3
vote_command: EXECUTE history_of/1
vote_command: EXECUTE next_due_at/0
vote_command: EXECUTE remove_contestant/3
vote_command: EXECUTE reset_event/3
vote_command: EXECUTE reveal_results/3
vote_command: EXECUTE rule_hits/1
vote_command: EXECUTE set_frozen/4
vote_command: EXECUTE store_evidence/5
vote_command: EXECUTE store_evidence/6
vote_command: EXECUTE void_event/3
vote_command: SELECT contestants
vote_command: SELECT events
vote_fanout: DELETE fanout_checkpoint
vote_fanout: DELETE frozen_tallies
vote_fanout: DELETE tallies
vote_fanout: INSERT fanout_checkpoint
vote_fanout: INSERT frozen_tallies
vote_fanout: INSERT tallies
vote_fanout: SELECT contestants
vote_fanout: SELECT events
vote_fanout: SELECT fanout_checkpoint
vote_fanout: SELECT frozen_tallies
vote_fanout: SELECT tallies
vote_fanout: SELECT votes (contestant_no, event_no, voted_at)
vote_fanout: UPDATE fanout_checkpoint
vote_fanout: UPDATE frozen_tallies
vote_fanout: UPDATE tallies
vote_query: EXECUTE count_choices/1
vote_query: EXECUTE count_devices/3
vote_query: EXECUTE count_leaf/2
vote_query: EXECUTE has_partition/2
vote_query: EXECUTE rfc3339/1
vote_query: SELECT audit_log
vote_query: SELECT confirmations
vote_query: SELECT contestants
vote_query: SELECT events
vote_query: SELECT fanout_checkpoint
vote_query: SELECT frozen_tallies
vote_query: SELECT tallies
vote_query: SELECT vote_assurances
vote_query: SELECT vote_rejections (event_no, kind, voter)
vote_query: SELECT votes (event_no, voted_at, voter)
"""

FOR_NOBODY = [
    "INSERT INTO votes (voted_at, event_no, contestant_no, voter, seal) VALUES (now(), 1, 1, '', '')",
    "UPDATE votes SET contestant_no = 2", "DELETE FROM votes", "TRUNCATE votes", "DELETE FROM vote_rejections",
    "INSERT INTO vote_evidence (event_no, votes, hits, block) VALUES (1, 1, '[]', '')", "DELETE FROM vote_evidence",
    "UPDATE vote_assurances SET votes = 0", "UPDATE events SET status = 'open'",
    "UPDATE contestants SET contestant_name = 'x'", "DELETE FROM audit_log",
    "INSERT INTO audit_log (action) VALUES ('x')", "SELECT pg_logical_emit_message(true, 'vote.event', '{}')",
    "SELECT answer_votes(1, 1, '{}', '{}', '{}')", "SELECT emit_event_change(1)", "SELECT emit_repeat()",
    "SELECT note_change(1, NULL, 'x', NULL, NULL, now())", "SELECT set_status(NULL, 'open', NULL, NULL, NULL, NULL)",
    "SELECT make_event('{}', 1, NULL)", "DELETE FROM confirmations", "DELETE FROM idempotency_keys",
    "SELECT create_event_partitions(1, 1)", "SELECT create_evidence_partition(1)", "SELECT request_recount()",
    "SELECT pg_advisory_lock(86607, 1)", "SELECT pg_advisory_xact_lock(86607, 1)",
    "SELECT pg_try_advisory_lock_shared(86607, 1)", "SELECT lo_from_bytea(0, 'x')", "CREATE TABLE public.mine ()",
    "ALTER TABLE votes DISABLE TRIGGER ALL", "DROP TABLE votes", "DELETE FROM schema_migrations",
]  # fmt: skip
CHOICES = "SELECT contestant_no FROM votes"
FOR_SOME = {
    "vote_identity": ["SELECT voter FROM votes", CHOICES, "SELECT event_no FROM events"],
    "vote_command": ["SELECT voter FROM votes", CHOICES, "SELECT kind FROM vote_rejections",
                     "SELECT hits FROM vote_evidence", "INSERT INTO tallies VALUES (1, 1, 1)"],
    "vote_fanout": ["SELECT voter FROM votes", "SELECT * FROM votes", "SELECT kind FROM vote_rejections"],
    "vote_query": [CHOICES, "SELECT * FROM votes", "SELECT voter FROM votes WHERE contestant_no = 1",
                   "SELECT seal FROM votes", "SELECT contestant_no FROM vote_rejections",
                   "SELECT hits FROM vote_evidence", "SELECT region FROM votes", "SELECT device FROM votes",
                   "INSERT INTO tallies VALUES (1, 1, 1)"],
    "vote_auditor": ["INSERT INTO tallies VALUES (1, 1, 1)"],
    "vote_monitor": ["SELECT voter FROM votes", CHOICES, "SELECT event_no FROM events", "SELECT * FROM tallies",
                     "SELECT pg_read_file('PG_VERSION')", "SELECT pg_ls_waldir()"],
}  # fmt: skip
CHANGES = [
    "SELECT store_evidence('{}', '{}', '{}', '{}', '{}')",
    "SELECT store_evidence('{}', '{}', '{}', '{}', '{}', '{}')", "SELECT rule_hits(gen_random_uuid())",
    "SELECT create_event('{}', 1, NULL, NULL, NULL)",
    "SELECT change_status(gen_random_uuid(), 'open', NULL, NULL, NULL)",
    "SELECT void_event(gen_random_uuid(), '', NULL)",
    "SELECT confirm_change(gen_random_uuid(), 'cancel', NULL)", "SELECT set_frozen(gen_random_uuid(), true, NULL)",
    "SELECT reveal_results(gen_random_uuid(), 1, NULL)", "SELECT edit_event(gen_random_uuid(), '{}', NULL)",
    "SELECT add_contestant(gen_random_uuid(), '{}', '', NULL)",
    "SELECT edit_contestant(gen_random_uuid(), gen_random_uuid(), '{}', '', NULL)",
    "SELECT remove_contestant(gen_random_uuid(), gen_random_uuid(), NULL)", "SELECT draft_of(gen_random_uuid())",
    "SELECT reset_event(gen_random_uuid(), 1, NULL)", "SELECT carry_out(gen_random_uuid(), 'open', '', '')",
    "SELECT cast_votes(1, gen_random_uuid(), clock_timestamp(), '{}', '{}', '{}', '{}', '{}', '{}')",
    "SELECT cast_traced_votes(1, gen_random_uuid(), clock_timestamp(), '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')",
]  # fmt: skip


def test_every_right_is_listed(database: Database) -> None:
    """Tables, columns, sequences and functions: each role has what stands here and no more, everybody nothing."""
    assert rights(database) == GRANTED.strip()


@pytest.mark.parametrize("role", LOGIN_ROLES)
def test_no_role_can_do_what_its_work_does_not_need(database: Database, owner: psycopg.Connection, role: str) -> None:
    """Every way around the ledger's door, into people's choices, or into somebody's way is refused."""
    make_event(owner)
    forbidden = [*FOR_NOBODY, *FOR_SOME[role], *([] if role == "vote_command" else CHANGES)]
    assert allowed_of(database.url(role), forbidden) == []
