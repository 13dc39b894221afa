"""Who may do what in the database: all of it listed, and tried as each role that can log in."""

import psycopg
import pytest

from ops.embedded.program_environment import LOGIN_ROLES
from ops.rig.database import Database
from ops.rig.event import make_event

RIGHTS = """
    SELECT coalesce(grantee.rolname, 'PUBLIC') || ': ' || privilege || ' ' || what
    FROM (
        SELECT acl.grantee, acl.privilege_type AS privilege, c.oid::regclass::text AS what
        FROM pg_class c, aclexplode(c.relacl) acl
        WHERE c.relnamespace IN ('public'::regnamespace, 'identity'::regnamespace)
        UNION ALL
        SELECT acl.grantee, acl.privilege_type,
               c.oid::regclass || ' (' || string_agg(a.attname, ', ' ORDER BY a.attname) || ')'
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) acl
        WHERE c.relnamespace IN ('public'::regnamespace, 'identity'::regnamespace)
        GROUP BY acl.grantee, acl.privilege_type, c.oid
        UNION ALL
        SELECT acl.grantee, acl.privilege_type,
               replace(p.pronamespace::regnamespace || '.', 'public.', '') || p.proname || '/' || p.pronargs
        FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) acl
        WHERE p.pronamespace IN ('public'::regnamespace, 'identity'::regnamespace)
    ) AS granted
    LEFT JOIN pg_roles grantee ON grantee.oid = granted.grantee
    WHERE grantee.rolname IS NULL OR grantee.rolname IN (SELECT unnest(%s::text[]))
"""

GRANTED = """
vote_auditor: EXECUTE ballot_of/1
vote_auditor: EXECUTE has_partition/2
vote_auditor: SELECT audit_log
vote_auditor: SELECT contestants
vote_auditor: SELECT events
vote_auditor: SELECT fanout_checkpoint
vote_auditor: SELECT tallies
vote_auditor: SELECT vote_rejections
vote_auditor: SELECT votes
vote_command: EXECUTE apply_schedule/0
vote_command: EXECUTE ballot_of/1
vote_command: EXECUTE carry_out/4
vote_command: EXECUTE cast_votes/8
vote_command: EXECUTE cast_votes/9
vote_command: EXECUTE change_event_status/4
vote_command: EXECUTE change_event_status/6
vote_command: EXECUTE create_event/4
vote_command: EXECUTE create_event/6
vote_command: EXECUTE due_changes/0
vote_command: EXECUTE identity.user_exists/1
vote_command: EXECUTE next_due_at/0
vote_command: SELECT contestants
vote_command: SELECT events
vote_fanout: DELETE fanout_checkpoint
vote_fanout: DELETE tallies
vote_fanout: INSERT fanout_checkpoint
vote_fanout: INSERT tallies
vote_fanout: SELECT contestants
vote_fanout: SELECT events
vote_fanout: SELECT fanout_checkpoint
vote_fanout: SELECT tallies
vote_fanout: SELECT votes (contestant_no, event_no)
vote_fanout: UPDATE fanout_checkpoint
vote_fanout: UPDATE tallies
vote_identity: DELETE identity.sessions
vote_identity: EXECUTE identity.folded/1
vote_identity: INSERT identity.applications
vote_identity: INSERT identity.sessions
vote_identity: INSERT identity.users
vote_identity: SELECT identity.applications
vote_identity: SELECT identity.sessions
vote_identity: SELECT identity.users
vote_identity: UPDATE identity.sessions (current_hash, earlier_rotations, expires_at, previous_hash, revoked_at, rotated_at)
vote_identity: UPDATE identity.users (password_hash, roles)
vote_query: EXECUTE has_partition/2
vote_query: EXECUTE identity.voter_of/2
vote_query: EXECUTE rfc3339/1
vote_query: SELECT contestants
vote_query: SELECT events
vote_query: SELECT fanout_checkpoint
vote_query: SELECT tallies
vote_query: SELECT vote_rejections (event_no, kind, voter)
vote_query: SELECT votes (event_no, voted_at, voter)
"""  # noqa: E501  # a right a line

# What may not even be seen is undefined.
REFUSALS = (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction)
FOR_NOBODY = [
    "INSERT INTO votes (voted_at, event_no, contestant_no, voter, seal) VALUES (now(), 1, 1, '', '')",
    "UPDATE votes SET contestant_no = 2",
    "DELETE FROM votes",
    "TRUNCATE votes",
    "DELETE FROM vote_rejections",
    "UPDATE events SET status = 'open'",
    "UPDATE contestants SET contestant_name = 'x'",
    "DELETE FROM audit_log",
    "INSERT INTO audit_log (action) VALUES ('x')",
    "SELECT pg_logical_emit_message(true, 'vote.event', '{}')",
    "SELECT answer_votes(1, 1, '{}', '{}', '{}')",
    "SELECT emit_event_change(1)",
    "SELECT emit_repeat()",
    "DELETE FROM idempotency_keys",
    "SELECT create_event_partitions(1, 1)",
    "SELECT request_recount()",
    "SELECT pg_advisory_lock(86607, 1)",
    "SELECT pg_advisory_xact_lock(86607, 1)",
    "SELECT pg_try_advisory_lock_shared(86607, 1)",
    "SELECT lo_from_bytea(0, 'x')",
    "CREATE TABLE public.mine ()",
    "ALTER TABLE votes DISABLE TRIGGER ALL",
    "DROP TABLE votes",
    "DELETE FROM schema_migrations",
]
SEEDS = "SELECT voter_seed FROM identity.users"
CHOICES = "SELECT contestant_no FROM votes"
FOR_SOME = {
    "vote_identity": ["SELECT voter FROM votes", CHOICES, "SELECT event_no FROM events",
                      "UPDATE identity.users SET voter_seed = ''", "DELETE FROM identity.users"],
    "vote_command": ["SELECT voter FROM votes", CHOICES, "SELECT kind FROM vote_rejections", SEEDS,
                     "INSERT INTO tallies VALUES (1, 1, 1)"],
    "vote_fanout": ["SELECT voter FROM votes", "SELECT * FROM votes", "SELECT kind FROM vote_rejections", SEEDS],
    "vote_query": [CHOICES, "SELECT * FROM votes", "SELECT voter FROM votes WHERE contestant_no = 1",
                   "SELECT seal FROM votes", "SELECT contestant_no FROM vote_rejections", SEEDS,
                   "SELECT actor FROM audit_log", "INSERT INTO tallies VALUES (1, 1, 1)"],
    "vote_auditor": [SEEDS, "INSERT INTO tallies VALUES (1, 1, 1)", "SELECT identity.voter_of(gen_random_uuid(), 1)"],
}  # fmt: skip
CHANGES = [
    "SELECT create_event('{}', 1, NULL, '')",
    "SELECT change_event_status(gen_random_uuid(), 'open', NULL, '')",
    "SELECT apply_schedule()",
    "SELECT carry_out(gen_random_uuid(), 'open', '', '')",
    "SELECT cast_votes(1, clock_timestamp(), '{}', '{}', '{}', '{}', '{}', '{}')",
    "SELECT cast_votes(1, gen_random_uuid(), clock_timestamp(), '{}', '{}', '{}', '{}', '{}', '{}')",
]


def test_every_right_is_listed(owner: psycopg.Connection) -> None:
    """Tables, columns, sequences and functions: each role has what stands here and no more, everybody nothing."""
    rows = owner.execute(RIGHTS, [list(LOGIN_ROLES)]).fetchall()
    assert "\n".join(sorted(row[0] for row in rows)) == GRANTED.strip()


@pytest.mark.parametrize("role", LOGIN_ROLES)
def test_no_role_can_do_what_its_work_does_not_need(database: Database, owner: psycopg.Connection, role: str) -> None:
    """Every way around the ledger's door, into people's choices and seeds, or into somebody's way is refused."""
    make_event(owner)
    forbidden = [*FOR_NOBODY, *FOR_SOME[role], *([] if role == "vote_command" else CHANGES)]
    with psycopg.connect(database.url(role), autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        for statement in forbidden:
            with pytest.raises(REFUSALS):
                connection.execute(statement.encode())
