"""Who may do what in the database of people: all of it listed, and tried as each role that can log in."""

import psycopg
import pytest

from ops.embedded.program_environment import IDENTITY_ROLES, LEDGER_ROLES
from ops.rig.database import Database
from ops.rig.rights import allowed_of, rights

GRANTED = """
vote_command: CONNECT on the database
vote_command: EXECUTE identity.revoked_since/1
vote_command: EXECUTE identity.revoked_since/3
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
vote_query: EXECUTE identity.revoked_since/3
vote_query: EXECUTE identity.voter_of/2
"""

PEOPLE = [f"SELECT FROM identity.{table}" for table in ("applications", "users", "sessions")]
FOR_NOBODY = [
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
FOR_SOME = {
    "vote_identity": [
        "SELECT identity.user_exists(gen_random_uuid())",
        "SELECT identity.voter_of(gen_random_uuid(), 1)",
    ],
    "vote_command": [*PEOPLE, "SELECT identity.voter_of(gen_random_uuid(), 1)", "SELECT identity.folded('x')"],
    "vote_query": [*PEOPLE, "SELECT identity.user_exists(gen_random_uuid())", "SELECT identity.folded('x')"],
}


def test_every_right_is_listed(identity_database: Database) -> None:
    """Each role has what stands here and no more, everybody nothing."""
    assert rights(identity_database) == GRANTED.strip()


@pytest.mark.parametrize("role", IDENTITY_ROLES)
def test_who_comes_to_identitys_door_stays_there(identity_database: Database, role: str) -> None:
    """Command and query have a function each; nobody changes a seed, a role or the log."""
    assert allowed_of(identity_database.url(role), [*FOR_NOBODY, *FOR_SOME[role]]) == []


@pytest.mark.parametrize("role", sorted({*LEDGER_ROLES} - {*IDENTITY_ROLES}))
def test_others_do_not_even_come_in(identity_database: Database, role: str) -> None:
    """Fanout and auditors can't connect to the database of people, whatever pg_hba.conf lets in."""
    for replication in ("false", "database"):
        with pytest.raises(psycopg.OperationalError, match=r"permission denied (for database|to start WAL sender)"):
            psycopg.connect(identity_database.url(role), replication=replication)
