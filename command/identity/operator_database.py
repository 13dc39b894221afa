"""The identity database as an operator's line uses it: one connection, each statement committed by itself."""

from collections.abc import Mapping

import psycopg

from contract import queries, settings


def connect(env: Mapping[str, str]) -> psycopg.Connection:
    """A connection of the operator's own; raises `SettingError`, psycopg.Error."""
    return psycopg.connect(
        settings.read(settings.IdentityDatabase, env).url,
        autocommit=True,
        application_name="vote_identity operator",
        connect_timeout=3,
        target_session_attrs="read-write",
    )


def statement(name: str) -> bytes:
    """A statement of identity.sql."""
    return queries.load("identity.sql")[name].encode()
