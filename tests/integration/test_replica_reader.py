"""How query asks Postgres, whatever login it was given."""

from collections.abc import Iterator

import psycopg
import pytest

from contract.vote_id import Receipt, VoteKind
from ops.embedded.program_environment import with_login
from ops.rig.database import PASSWORD, Database
from ops.rig.event import make_event
from query.replica_reader import ReplicaReader


@pytest.fixture
def plain_login(database: Database, owner: psycopg.Connection) -> Iterator[str]:
    """A login that may do what vote_query may, without the settings of that role."""
    owner.execute(f"CREATE ROLE plain_reader LOGIN PASSWORD '{PASSWORD}' IN ROLE vote_query")
    owner.execute("ALTER ROLE plain_reader SET plan_cache_mode = force_generic_plan")
    yield with_login(database.url(), "plain_reader", PASSWORD)
    owner.execute("DROP ROLE plain_reader")


async def test_a_look_up_waits_for_no_other_event(
    plain_login: str, database: Database, owner: psycopg.Connection
) -> None:
    """It is planned for its event whatever the login's settings are: else it locks the partitions of all events."""
    event, other = make_event(owner), make_event(owner)
    reader = ReplicaReader(plain_login)
    await reader.open()
    with psycopg.connect(database.url()) as dba:
        dba.execute(f"LOCK TABLE ONLY votes_e{other.event_no}".encode())
        attempt = await reader.attempt(Receipt(VoteKind.ACCEPTED, event.event_no, bytes(12)))
        assert attempt is not None
        assert not attempt.accepted
        assert await reader.voted_at([(event.event_no, bytes(12))]) == [(None, False)]
    await reader.close()


async def test_a_promoted_replica_is_not_up_to_date(database: Database) -> None:
    """Nothing reaches it any more from the primary that is still set, and there votes go on."""
    ages = []
    for has_primary in (False, True):
        reader = ReplicaReader(database.url("vote_query"), has_primary=has_primary)
        await reader.open()
        ages.append(await reader.behind_s())
        await reader.close()
    assert ages[0] == 0 < ages[1]
