"""Two Postgres servers with the voters split between them: two fanouts, one leaderboard that adds up."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import psycopg

from ops.rig.event import Event, make_event
from ops.rig.eventually import eventually
from ops.rig.fanout_process import FanoutProcess
from ops.rig.people import TokenMint
from ops.rig.postgres import RunningPostgres, postgres
from ops.rig.service import Service, read_process
from ops.rig.votes import cast


def results(query: Service, event: Event) -> dict[str, Any]:
    """What anybody is shown."""
    with urllib.request.urlopen(f"{query.url}/v1/event/{event.event_id}/results") as answer:  # noqa: S310  # our own
        content: dict[str, Any] = json.load(answer)
    return content


def vote(server: RunningPostgres, event: Event, votes: int) -> None:
    with psycopg.connect(server.database.url(), autocommit=True) as connection:
        cast(connection, event, 1, votes)


def same_event_on(servers: list[RunningPostgres]) -> Event:
    """An event that has one id and one number on all servers."""
    made = []
    for server in servers:
        with psycopg.connect(server.database.url(), autocommit=True) as connection:
            made.append(make_event(connection))
            connection.execute("UPDATE events SET event_id = %s", [made[0].event_id])
    return made[0]


def test_two_servers_make_one_leaderboard(tmp_path: Path, mint: TokenMint, redis_url: str) -> None:
    """Stale until both have written; then the sum; when one is away: stale and not lower; exact when it is back."""
    with postgres(tmp_path / "a") as one, postgres(tmp_path / "b") as other:
        event = same_event_on([one, other])
        settings = {"SOURCES": "a,b", "STALE_AFTER_MS": "1500"}
        query_process = read_process(
            "query.reads", tmp_path, one.database.url("vote_query"), redis_url, mint, **settings
        )
        fanouts = [
            FanoutProcess(server.database.url("vote_fanout"), redis_url, name)
            for server, name in ((one, "a"), (other, "b"))
        ]

        def shown(total: int, *, stale: bool) -> None:
            def is_shown() -> bool:
                found = results(query, event)
                assert found["total_votes"] <= total
                return bool((found["total_votes"], found["stale"]) == (total, stale))

            eventually(is_shown, f"{total} votes are shown, stale: {stale}")

        with query_process as query, fanouts[0].running():
            vote(one, event, 100)
            shown(100, stale=True)
            with fanouts[1].running():
                vote(other, event, 11)
                shown(111, stale=False)
            shown(111, stale=True)
            vote(other, event, 5)
            vote(one, event, 1000)
            shown(1111, stale=True)
            with fanouts[1].running():
                shown(1116, stale=False)
