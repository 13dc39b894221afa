"""Who does something to people's rights, and the line about it in the log, written in the transaction that does it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from command.identity.identity_database import Statements


class Actor(NamedTuple):
    """Who acts: a user_id or an operator's name, as what, in which trace."""

    name: str
    role: Literal["admin", "operator", "self"]
    trace_id: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """What was done; `audit_no` rises."""

    audit_no: int
    at: datetime
    actor: str
    role: str
    action: str
    user_id: UUID | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    trace_id: str | None


async def log(
    statements: Statements,
    actor: Actor,
    action: str,
    user_id: UUID,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write the line."""
    await statements.all(
        "log",
        dict_row,
        actor=actor.name,
        actor_role=actor.role,
        action=action,
        user_id=user_id,
        before=Jsonb(before) if before else None,
        after=Jsonb(after) if after else None,
        trace_id=actor.trace_id,
    )
