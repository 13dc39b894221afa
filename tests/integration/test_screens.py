"""How people come to an event from a screen: what screens show, the short code, the QR code, the graphic's folder."""

from collections.abc import Iterator
from pathlib import Path

import aiohttp
import psycopg
import pytest

from ops.rig.database import Database
from ops.rig.event import make_event
from ops.rig.people import TokenMint
from ops.rig.service import Service, read_process

THEME = {"background": "#101010", "accent": "#ff8800", "font": "Oswald", "logo_url": "https://show.example/logo.svg"}


@pytest.fixture
def query(tmp_path: Path, database: Database, redis_url: str, mint: TokenMint) -> Iterator[Service]:
    settings = {"PUBLIC_URL": "https://vote.show.example/"}
    with read_process("query.reads", tmp_path, database.url("vote_query"), redis_url, mint, **settings) as process:
        yield process


async def test_the_way_from_a_screen_to_the_vote(query: Service, owner: psycopg.Connection) -> None:
    """A screen is told the event's look, the code leads to the vote however it is typed; a draft's doesn't."""
    event, draft = make_event(owner, theme=THEME), make_event(owner, "draft")
    async with aiohttp.ClientSession(query.url) as session:
        async with session.get(f"/live/{event.event_id}/look") as answer:
            look = await answer.json()
        assert look["theme"] == {"foreground": None, **THEME}
        assert (look["event_name"], look["rehearsal"], look["status"]) == ("Final", False, "open")
        for code in (look["short_code"], look["short_code"].lower()):
            async with session.get(f"/j/{code}", allow_redirects=False) as answer:
                assert (answer.status, answer.headers["Location"]) == (302, f"/vote/{event.event_id}")
        async with session.get(f"/v1/event/{event.event_id}/qr.svg") as answer:
            assert (answer.status, answer.content_type) == (200, "image/svg+xml")
            assert (await answer.read()).startswith(b"<?xml")
        [(code,)] = owner.execute("SELECT short_code FROM events WHERE event_id = %s", [draft.event_id]).fetchall()
        hidden = [f"/live/{draft.event_id}/look", f"/v1/event/{draft.event_id}/qr.svg", f"/j/{code}", "/j/%E2%80%94"]
        for path in hidden:
            async with session.get(path, allow_redirects=False) as answer:
                assert answer.status == 404, path
