"""A Redis in cluster mode refuses what touches keys of two slots: nothing that fanout and its readers send does."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from ops.embedded import ports
from ops.rig.database import Database
from ops.rig.event import make_event
from ops.rig.eventually import eventually
from ops.rig.fanout_process import FanoutProcess
from ops.rig.oracle import check_agreement
from ops.rig.valkey import valkey
from ops.rig.votes import cast
from query.redis_reader import RedisReader, redis_client


@pytest.fixture
def cluster_url(tmp_path: Path) -> Iterator[str]:
    """One node that holds all slots: the rules of a cluster without its redirections."""
    # Its own choice for the other nodes lies where the kernel takes ports of outgoing connections.
    bus = str(ports.choose(["bus"], {})["bus"])
    with (
        valkey(tmp_path / "valkey", "--cluster-enabled", "yes", "--cluster-port", bus) as server,
        redis.Redis.from_url(server.url) as client,
    ):
        client.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
        eventually(lambda: client.execute_command("CLUSTER INFO")["cluster_state"] == "ok", "the cluster is up")
        with pytest.raises(redis.RedisError, match="slot"):
            client.mget(["one", "another"])
        yield server.url


async def test_no_command_crosses_slots(owner: psycopg.Connection, database: Database, cluster_url: str) -> None:
    """Fanout writes several events, and a reader of several sources reads them."""
    events = [make_event(owner) for _ in range(3)]
    url = database.url("vote_fanout")
    with FanoutProcess(url, cluster_url).running():
        for event in events:
            cast(owner, event, 1, 5)
        check_agreement(database, cluster_url, events)
        client = redis_client(cluster_url)
        reader = RedisReader(client, ["main", "other"], stale_after_s=60)
        state = await reader.state([event.event_id for event in events])
        assert {event_id: tallies[0].counts for event_id, tallies in state.tallies.items()} == {
            event.event_id: {1: 5} for event in events
        }
        assert set(await reader.applied()) == {"main"}
        await client.aclose()
