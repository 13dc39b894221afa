"""Who may do what in both databases: all of it listed, and tried as each role that can log in."""

from collections.abc import Iterable

import psycopg
import pytest

from ops.embedded.program_environment import IDENTITY_ROLES, LEDGER_ROLES, LOGIN_ROLES
from ops.rig.database import Database
from ops.rig.event import make_event

RIGHTS = """
    SELECT coalesce(grantee.rolname, 'PUBLIC') || ': ' || privilege || ' ' || what
    FROM (
        SELECT acl.grantee, acl.privilege_type AS privilege, c.oid::regclass::text AS what
        FROM pg_class c, aclexplode(c.relacl) acl
        WHERE c.relnamespace::regnamespace::text IN ('public', 'identity')
        UNION ALL
        SELECT acl.grantee, acl.privilege_type,
               c.oid::regclass || ' (' || string_agg(a.attname, ', ' ORDER BY a.attname) || ')'
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) acl
        WHERE c.relnamespace::regnamespace::text IN ('public', 'identity')
        GROUP BY acl.grantee, acl.privilege_type, c.oid
        UNION ALL
        SELECT acl.grantee, acl.privilege_type,
               replace(p.pronamespace::regnamespace || '.', 'public.', '') || p.proname || '/' || p.pronargs
        FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) acl
        WHERE p.pronamespace::regnamespace::text IN ('public', 'identity')
        UNION ALL
        SELECT acl.grantee, acl.privilege_type, 'on the database'
        FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) acl
        WHERE d.datname = current_database()
    ) AS granted
    LEFT JOIN pg_roles grantee ON grantee.oid = granted.grantee
    WHERE grantee.rolname IS NULL OR grantee.rolname IN (SELECT unnest(%s::text[]))
"""

GRANTED = """
PUBLIC: CONNECT on the database
PUBLIC: TEMPORARY on the database
vote_auditor: EXECUTE ballot_of/1
vote_auditor: EXECUTE has_partition/2
vote_auditor: SELECT audit_log
vote_auditor: SELECT confirmations
vote_auditor: SELECT contestants
vote_auditor: SELECT events
vote_auditor: SELECT fanout_checkpoint
vote_auditor: SELECT frozen_tallies
vote_auditor: SELECT tallies
vote_auditor: SELECT vote_evidence
vote_auditor: SELECT vote_rejections
vote_auditor: SELECT votes
vote_command: EXECUTE add_contestant/4
vote_command: EXECUTE apply_schedule/0
vote_command: EXECUTE ballot_of/1
vote_command: EXECUTE carry_out/4
vote_command: EXECUTE cast_votes/8
vote_command: EXECUTE cast_votes/9
vote_command: EXECUTE change_event_status/4
vote_command: EXECUTE change_event_status/6
vote_command: EXECUTE change_status/5
vote_command: EXECUTE confirm_change/3
vote_command: EXECUTE create_event/4
vote_command: EXECUTE create_event/5
vote_command: EXECUTE create_event/6
vote_command: EXECUTE draft_of/1
vote_command: EXECUTE due_changes/0
vote_command: EXECUTE edit_contestant/5
vote_command: EXECUTE edit_event/3
vote_command: EXECUTE next_due_at/0
vote_command: EXECUTE remove_contestant/3
vote_command: EXECUTE reset_event/3
vote_command: EXECUTE reveal_results/3
vote_command: EXECUTE rule_hits/1
vote_command: EXECUTE set_frozen/3
vote_command: EXECUTE store_evidence/5
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
vote_query: EXECUTE has_partition/2
vote_query: EXECUTE rfc3339/1
vote_query: SELECT contestants
vote_query: SELECT events
vote_query: SELECT fanout_checkpoint
vote_query: SELECT frozen_tallies
vote_query: SELECT tallies
vote_query: SELECT vote_rejections (event_no, kind, voter)
vote_query: SELECT votes (event_no, voted_at, voter)
"""

GRANTED_IN_IDENTITY = """
vote_command: CONNECT on the database
vote_command: EXECUTE identity.revoked_since/1
vote_command: EXECUTE identity.user_exists/1
vote_identity: CONNECT on the database
vote_identity: DELETE identity.applications
vote_identity: DELETE identity.burned_challenges
vote_identity: DELETE identity.code_tries
vote_identity: DELETE identity.factors
vote_identity: DELETE identity.recovery_codes
vote_identity: DELETE identity.sessions
vote_identity: DELETE identity.used_id_tokens
vote_identity: EXECUTE identity.change_role/6
vote_identity: EXECUTE identity.erase/3
vote_identity: EXECUTE identity.folded/1
vote_identity: EXECUTE identity.forget/1
vote_identity: EXECUTE identity.is_erased/1
vote_identity: INSERT identity.applications
vote_identity: INSERT identity.audit_log (action, actor, after, before, role, trace_id, user_id)
vote_identity: INSERT identity.burned_challenges
vote_identity: INSERT identity.code_tries
vote_identity: INSERT identity.factors
vote_identity: INSERT identity.federated
vote_identity: INSERT identity.mail_confirmations
vote_identity: INSERT identity.recovery_codes
vote_identity: INSERT identity.revocations
vote_identity: INSERT identity.sessions
vote_identity: INSERT identity.used_id_tokens
vote_identity: INSERT identity.users (created_at, date_of_birth, email, mailbox, password_hash, \
registered_with, skeleton, user_id, username, \
voter_seed)
vote_identity: SELECT identity.applications
vote_identity: SELECT identity.audit_log
vote_identity: SELECT identity.burned_challenges
vote_identity: SELECT identity.code_tries
vote_identity: SELECT identity.factors
vote_identity: SELECT identity.federated
vote_identity: SELECT identity.mail_confirmations
vote_identity: SELECT identity.recovery_codes
vote_identity: SELECT identity.revocations
vote_identity: SELECT identity.sessions
vote_identity: SELECT identity.used_id_tokens
vote_identity: SELECT identity.users
vote_identity: UPDATE identity.burned_challenges (expires_at)
vote_identity: UPDATE identity.code_tries (since, tries)
vote_identity: UPDATE identity.factors (confirmed_at, counter, last_used_at)
vote_identity: UPDATE identity.mail_confirmations (confirmed_at, sent, sent_at)
vote_identity: UPDATE identity.sessions (assurance, current_hash, earlier_rotations, expires_at, factor_at, \
revoked_at, rotated_at)
vote_identity: UPDATE identity.used_id_tokens (used_at)
vote_identity: UPDATE identity.users (mailbox, password_hash, skeleton)
vote_query: CONNECT on the database
vote_query: EXECUTE identity.revoked_since/1
vote_query: EXECUTE identity.voter_of/2
"""

# What may not even be seen is undefined.
REFUSALS = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.InvalidSchemaName,
)
FOR_NOBODY = [
    "INSERT INTO votes (voted_at, event_no, contestant_no, voter, seal) VALUES (now(), 1, 1, '', '')",
    "UPDATE votes SET contestant_no = 2",
    "DELETE FROM votes",
    "TRUNCATE votes",
    "DELETE FROM vote_rejections",
    "INSERT INTO vote_evidence (event_no, votes, hits, block) VALUES (1, 1, '[]', '')",
    "DELETE FROM vote_evidence",
    "UPDATE events SET status = 'open'",
    "UPDATE contestants SET contestant_name = 'x'",
    "DELETE FROM audit_log",
    "INSERT INTO audit_log (action) VALUES ('x')",
    "SELECT pg_logical_emit_message(true, 'vote.event', '{}')",
    "SELECT answer_votes(1, 1, '{}', '{}', '{}')",
    "SELECT emit_event_change(1)",
    "SELECT emit_repeat()",
    "SELECT note_change(1, NULL, 'x', NULL, NULL, now())",
    "SELECT set_status(NULL, 'open', NULL, NULL, NULL, NULL)",
    "SELECT make_event('{}', 1, NULL)",
    "DELETE FROM confirmations",
    "DELETE FROM idempotency_keys",
    "SELECT create_event_partitions(1, 1)",
    "SELECT create_evidence_partition(1)",
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
CHOICES = "SELECT contestant_no FROM votes"
FOR_SOME = {
    "vote_identity": ["SELECT voter FROM votes", CHOICES, "SELECT event_no FROM events"],
    "vote_command": ["SELECT voter FROM votes", CHOICES, "SELECT kind FROM vote_rejections",
                     "SELECT hits FROM vote_evidence", "INSERT INTO tallies VALUES (1, 1, 1)"],
    "vote_fanout": ["SELECT voter FROM votes", "SELECT * FROM votes", "SELECT kind FROM vote_rejections"],
    "vote_query": [CHOICES, "SELECT * FROM votes", "SELECT voter FROM votes WHERE contestant_no = 1",
                   "SELECT seal FROM votes", "SELECT contestant_no FROM vote_rejections",
                   "SELECT hits FROM vote_evidence",
                   "SELECT actor FROM audit_log", "INSERT INTO tallies VALUES (1, 1, 1)"],
    "vote_auditor": ["INSERT INTO tallies VALUES (1, 1, 1)"],
}  # fmt: skip
CHANGES = [
    "SELECT store_evidence('{}', '{}', '{}', '{}', '{}')",
    "SELECT rule_hits(gen_random_uuid())",
    "SELECT create_event('{}', 1, NULL, '')",
    "SELECT change_event_status(gen_random_uuid(), 'open', NULL, '')",
    "SELECT change_status(gen_random_uuid(), 'open', NULL, NULL, NULL)",
    "SELECT confirm_change(gen_random_uuid(), 'cancel', NULL)",
    "SELECT set_frozen(gen_random_uuid(), true, NULL)",
    "SELECT reveal_results(gen_random_uuid(), 1, NULL)",
    "SELECT edit_event(gen_random_uuid(), '{}', NULL)",
    "SELECT add_contestant(gen_random_uuid(), '{}', '', NULL)",
    "SELECT edit_contestant(gen_random_uuid(), gen_random_uuid(), '{}', '', NULL)",
    "SELECT remove_contestant(gen_random_uuid(), gen_random_uuid(), NULL)",
    "SELECT draft_of(gen_random_uuid())",
    "SELECT reset_event(gen_random_uuid(), 1, NULL)",
    "SELECT apply_schedule()",
    "SELECT carry_out(gen_random_uuid(), 'open', '', '')",
    "SELECT cast_votes(1, clock_timestamp(), '{}', '{}', '{}', '{}', '{}', '{}')",
    "SELECT cast_votes(1, gen_random_uuid(), clock_timestamp(), '{}', '{}', '{}', '{}', '{}', '{}')",
]


PEOPLE = [f"SELECT FROM identity.{table}" for table in ("applications", "users", "sessions")]
FOR_NOBODY_IN_IDENTITY = [
    "UPDATE identity.users SET voter_seed = ''",
    "DELETE FROM identity.users",
    "UPDATE identity.users SET roles = '{admin}'",
    "INSERT INTO identity.users (username, voter_seed, roles) VALUES ('x', sha256('x'), '{admin}')",
    "UPDATE identity.audit_log SET actor = 'x'",
    "INSERT INTO identity.audit_log (at, actor, role, action) VALUES (now(), 'x', 'admin', 'x')",
    "DELETE FROM identity.audit_log",
    "TRUNCATE identity.audit_log",
    "TRUNCATE identity.users CASCADE",
    "UPDATE identity.sessions SET user_id = gen_random_uuid()",
    "ALTER TABLE identity.users DISABLE TRIGGER ALL",
    "CREATE TABLE identity.mine ()",
    "CREATE TABLE public.mine ()",
    "CREATE TEMPORARY TABLE mine ()",
    "CREATE SCHEMA mine",
    "DELETE FROM schema_migrations",
    "SELECT pg_logical_emit_message(true, 'x', 'x')",
    "SELECT pg_advisory_lock(86606)",
    "SELECT lo_from_bytea(0, 'x')",
]
FOR_SOME_IN_IDENTITY = {
    "vote_identity": [
        "SELECT identity.user_exists(gen_random_uuid())",
        "SELECT identity.voter_of(gen_random_uuid(), 1)",
    ],
    "vote_command": [*PEOPLE, "SELECT identity.voter_of(gen_random_uuid(), 1)", "SELECT identity.folded('x')"],
    "vote_query": [*PEOPLE, "SELECT identity.user_exists(gen_random_uuid())", "SELECT identity.folded('x')"],
}


def rights(database: Database) -> str:
    with psycopg.connect(database.url()) as connection:
        rows = connection.execute(RIGHTS, [list(LOGIN_ROLES)]).fetchall()
    return "\n".join(sorted(row[0] for row in rows))


def try_all(url: str, forbidden: Iterable[str]) -> None:
    """Each statement is refused."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        for statement in forbidden:
            with pytest.raises(REFUSALS):
                connection.execute(statement.encode())


def test_every_right_is_listed(database: Database, identity_database: Database) -> None:
    """Tables, columns, sequences and functions: each role has what stands here and no more, everybody nothing."""
    assert rights(database) == GRANTED.strip()
    assert rights(identity_database) == GRANTED_IN_IDENTITY.strip()


@pytest.mark.parametrize("role", LOGIN_ROLES)
def test_no_role_can_do_what_its_work_does_not_need(database: Database, owner: psycopg.Connection, role: str) -> None:
    """Every way around the ledger's door, into people's choices, or into somebody's way is refused."""
    make_event(owner)
    forbidden = [*FOR_NOBODY, *FOR_SOME[role], *([] if role == "vote_command" else CHANGES)]
    try_all(database.url(role), forbidden)


@pytest.mark.parametrize("role", IDENTITY_ROLES)
def test_who_comes_to_identitys_door_stays_there(identity_database: Database, role: str) -> None:
    """Command and query have a function each; nobody changes a seed, a role or the log."""
    try_all(identity_database.url(role), [*FOR_NOBODY_IN_IDENTITY, *FOR_SOME_IN_IDENTITY[role]])


@pytest.mark.parametrize("role", sorted({*LEDGER_ROLES} - {*IDENTITY_ROLES}))
def test_others_do_not_even_come_in(identity_database: Database, role: str) -> None:
    """Fanout and auditors can't connect to the database of people, whatever pg_hba.conf lets in."""
    for replication in ("false", "database"):
        with pytest.raises(psycopg.OperationalError, match=r"permission denied (for database|to start WAL sender)"):
            psycopg.connect(identity_database.url(role), replication=replication)
