"""What standards say of HTTP, asked of real processes: HEAD, preflights, sizes, tags, spellings, and quiet logs."""

import json
import socket
import uuid
from collections.abc import AsyncIterator, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import quote, urlsplit

import aiohttp
import psycopg
import pytest
import yarl

from ops.rig.database import Database
from ops.rig.event import make_event
from ops.rig.people import TokenMint
from ops.rig.service import Service, read_process
from ops.rig.tallies import Tallies


@pytest.fixture
def query(tmp_path: Path, database: Database, redis_url: str, mint: TokenMint) -> Iterator[Service]:
    with read_process("query.reads", tmp_path, database.url("vote_query"), redis_url, mint) as process:
        yield process


@pytest.fixture
async def session(query: Service) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(query.url) as made:
        yield made


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/v1/event/{}/results", "/v1/events", "/nowhere"])
async def test_head_answers_as_get(session: aiohttp.ClientSession, owner: psycopg.Connection, path: str) -> None:
    """The same status and headers, length included, and no body: also of refusals."""
    path = path.format(make_event(owner).event_id)
    async with session.get(path) as asked, session.head(path) as head:
        differing = ("X-Trace-Id", "Date")
        expected = {name: value for name, value in asked.headers.items() if name not in differing}
        assert head.status == asked.status
        assert {name: value for name, value in head.headers.items() if name not in differing} == expected
        assert await asked.read()
        assert await head.read() == b""


async def test_what_a_page_may_send(session: aiohttp.ClientSession) -> None:
    """Whatever headers a browser asks for are allowed, those of tracing among them; what is no list is not repeated."""
    asked = "authorization,baggage,content-type,idempotency-key,sentry-trace,tracestate,x-requested-with"
    for names, allowed in ((asked, asked), ("no list\tof names", "Authorization, Content-Type")):
        preflight = {"Origin": "https://a.test", "Access-Control-Request-Method": "GET"}
        headers = {**preflight, "Access-Control-Request-Headers": names}
        async with session.options("/v1/events", headers=headers) as answer:
            assert answer.status == 204
            assert answer.headers["Access-Control-Allow-Headers"] == allowed
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert "GET" in answer.headers["Access-Control-Allow-Methods"]


async def test_listed_origins_may_read(tmp_path: Path, database: Database, redis_url: str, mint: TokenMint) -> None:
    """Only their pages, and no cache gives one's answer to another's, or to nobody's."""
    settings = {"CORS_ORIGINS": "https://a.test, https://b.test"}
    with read_process("query.reads", tmp_path, database.url("vote_query"), redis_url, mint, **settings) as query:
        async with aiohttp.ClientSession(query.url) as session:
            for origin in ("https://a.test", "https://b.test", "https://c.test", None):
                headers = {"Access-Control-Request-Method": "GET"} | ({"Origin": origin} if origin else {})
                for method, path in (("GET", "/docs"), ("GET", "/nowhere"), ("OPTIONS", "/v1/events")):
                    async with session.request(method, path, headers=headers) as answer:
                        allowed = answer.headers.get("Access-Control-Allow-Origin")
                        assert allowed == (origin if origin != "https://c.test" else None)
                        assert "Origin" in answer.headers["Vary"].split(", ")


async def test_who_may_frame_pages(
    tmp_path: Path, database: Database, redis_url: str, mint: TokenMint, query: Service
) -> None:
    """Nobody; by setting some may frame the live page, and no other."""
    studio, live = "https://studio.test", f"/live/{uuid.uuid4()}"
    settings = {"FRAME_ORIGINS": studio}
    with read_process("query.reads", tmp_path, database.url("vote_query"), redis_url, mint, **settings) as framed:
        for service, path, who in ((query, live, "'none'"), (framed, live, studio), (framed, "/docs", "'none'")):
            async with aiohttp.ClientSession(service.url) as session, session.get(path) as answer:
                assert answer.headers["Content-Security-Policy"].endswith(f"; frame-ancestors {who}")


@pytest.mark.usefixtures("identity_database")
async def test_unread_bodies_are_quiet(query: Service, session: aiohttp.ClientSession) -> None:
    """A body that nobody asked for is read and dropped: the connection goes on and no line is logged."""
    for method, status in (("OPTIONS", 204), ("PATCH", 405), ("GET", 401)):
        async with session.request(method, "/v1/events", data=b"x" * 10_000) as answer:
            assert (answer.status, answer.headers["Connection"]) == (status, "keep-alive")
    assert [line for line in query.process.said() if '"info"' not in line] == []


async def test_large_headers_are_named(session: aiohttp.ClientSession) -> None:
    """9 KB of headers are no matter; what is beyond 16 KiB is 431, not called a body."""
    for size, status in ((9_000, 200), (17_000, 431)):
        async with session.get("/openapi.json", headers={"X-Much": "x" * size}) as answer:
            assert answer.status == status
            if status == 431:
                error = (await answer.json())["error"]
                assert (error["code"], "headers" in error["message"]) == ("headers_too_large", True)


async def test_no_answer_has_a_header_that_its_caller_wrote(query: Service, session: aiohttp.ClientSession) -> None:
    """Line breaks in paths, questions, traces and ids end up in no head; a token of 100 KB is only too large."""
    forged = "%0d%0aSet-Cookie:%20forged=1%0d%0a%0d%0a"
    paths = [f"/v1/events?status={forged}", f"/v1/event/{forged}", f"/live/{forged}", f"/j/{forged}", f"/{forged}"]
    for path in paths:
        async with session.get(yarl.URL(path, encoded=True), headers={"traceparent": "00-forged\t1"}) as answer:
            assert (answer.status in {400, 401, 404}, "Set-Cookie" in answer.headers) == (True, False)
            assert "forged" not in str(answer.headers)
    async with session.get("/v1/events", headers={"Authorization": f"Bearer {'x' * 100_000}"}) as answer:
        assert answer.status == 431
    assert [line for line in query.process.said() if "Traceback" in line] == []


SQL_IDS = ["' OR 1=1 --", "00000000-0000-4000-8000-000000000000'--", "1;DROP TABLE votes", "$1", "%s"]


async def test_sql_in_ids_is_no_id(session: aiohttp.ClientSession, mint: TokenMint) -> None:
    """400 wherever an id is asked for, and nothing that a database said."""
    headers = mint.voter("admin").headers
    for text in map(quote, SQL_IDS):
        for path in (f"/v1/event/{text}", f"/v1/vote/{text}/status", f"/v1/events?cursor={text}"):
            async with session.get(yarl.URL(path, encoded=True), headers=headers) as answer:
                said = await answer.json()
                assert (answer.status, said["error"]["code"]) == (400, "invalid_field"), path


@pytest.mark.parametrize("head", [b"GET /v1/events", b"GET /v1/ev\xc3\xa9nts HTTP/1.1", b"GET / HTTP/1.1\r\nno header"])
async def test_what_is_no_request_has_the_one_shape(query: Service, head: bytes) -> None:
    """Malformed heads, which have no path, are 400 like other malformed things."""
    where = urlsplit(query.url)
    with socket.create_connection((where.hostname or "", where.port or 0)) as client, client.makefile("rb") as answer:
        client.sendall(head + b"\r\n\r\n")
        status, *_, body = answer.read().split(b"\r\n")
    assert status.startswith(b"HTTP/1.1 400")
    assert json.loads(body)["error"]["code"] == "invalid_body"


@pytest.mark.parametrize(
    ("spelled", "known"),
    [
        ("{0}", True),
        ("W/{0}", True),
        ('"a,b" ,W/"", {0}', True),
        ("*", True),
        ('"a", *', False),
        ("w/{0}", False),
        ('"a {0}', False),
        ("{1}", False),
    ],
)
async def test_lists_of_tags(session: aiohttp.ClientSession, spelled: str, *, known: bool) -> None:
    """If-None-Match as RFC 9110 spells it: lists, weak tags, commas in tags, several lines; for pages, too."""
    async with session.get("/docs") as answer:
        strong = answer.headers["ETag"]
    spelled = spelled.format(strong, strong.strip('"'))
    for headers in ([("If-None-Match", spelled)], [("If-None-Match", '"other"'), ("If-None-Match", spelled)]):
        if len(headers) == 2 and spelled == "*":
            continue
        async with session.get("/docs", headers=headers) as answer:
            assert answer.status == (304 if known else 200)


@pytest.mark.parametrize("question", ["include_percentages=", "include_percentages=True", "include_percentages"])
async def test_empty_is_not_absent(session: aiohttp.ClientSession, owner: psycopg.Connection, question: str) -> None:
    """A parameter without a value is malformed where its values are named."""
    async with session.get(f"/v1/event/{make_event(owner).event_id}/results?{question}") as answer:
        assert (answer.status, (await answer.json())["error"]["field"]) == (400, "include_percentages")


@pytest.mark.parametrize("question", ["status=", "cursor="])
async def test_empty_is_not_absent_in_lists(session: aiohttp.ClientSession, mint: TokenMint, question: str) -> None:
    """Likewise where events are listed."""
    async with session.get(f"/v1/events?{question}", headers=mint.voter().headers) as answer:
        assert (answer.status, (await answer.json())["error"]["field"]) == (400, question.rstrip("="))


async def test_bearers_as_they_are_spelled(session: aiohttp.ClientSession, mint: TokenMint) -> None:
    """Scheme in any case, any number of spaces; two tokens are none. A bad token is told so, a missing one isn't."""
    token = mint.voter().token
    good, bad = ("bearer {}", "BEARER   {}"), ("Bearer{}", "Basic {}", "Bearer {0} {0}", "Bearer \t{}")
    for spelled, status in [*((each, 200) for each in good), *((each, 401) for each in bad)]:
        async with session.get("/v1/events", headers={"Authorization": spelled.format(token)}) as answer:
            assert answer.status == status, spelled
    twice = [("Authorization", f"Bearer {token}")] * 2
    for headers, told in (([], False), (twice, True)):
        async with session.get("/v1/events", headers=headers) as answer:
            assert answer.status == 401
            assert ('error="invalid_token"' in answer.headers["WWW-Authenticate"]) is told


@pytest.mark.parametrize("path", ["/docs/", "/v1/event/{}/results/", "/live/{}/", "/docs/assets/docs.js/"])
async def test_a_slash_at_the_end_is_no_other_path(
    session: aiohttp.ClientSession, owner: psycopg.Connection, path: str
) -> None:
    """The same call."""
    async with session.get(path.format(make_event(owner).event_id)) as answer:
        assert answer.status == 200


async def test_the_first_page_names_public_events(session: aiohttp.ClientSession, owner: psycopg.Connection) -> None:
    """Names are text, whatever they look like; drafts aren't there; nothing of a third party may be loaded."""
    shown, draft = make_event(owner, event_name="<script>Final & more"), make_event(owner, "draft", event_name="Secret")
    over = make_event(owner, "closed")
    async with session.get("/") as answer:
        page = await answer.text()
        assert "&lt;script&gt;Final &amp; more" in page
        assert f'href="/live/{shown.event_id}"' in page
        assert f'href="/vote/{shown.event_id}"' in page
        assert f'href="/vote/{over.event_id}"' not in page
        assert "Secret" not in page
        assert draft.event_id not in page
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")


@pytest.mark.parametrize("spelling", ["%7B{}%7D", "urn:uuid:{}", "{}%0A", "{}-"])
async def test_uuids_of_paths_have_one_spelling(
    session: aiohttp.ClientSession, owner: psycopg.Connection, spelling: str
) -> None:
    """Likewise in paths."""
    event_id = make_event(owner).event_id
    async with session.get(f"/v1/event/{event_id.upper()}/results") as answer:
        assert answer.status == 200
    async with session.get(f"/v1/event/{spelling.format(event_id)}/results") as answer:
        assert answer.status in (400, 404)


@pytest.mark.usefixtures("identity_database")
async def test_leaving_is_not_worth_a_line(
    tmp_path: Path, database: Database, redis_url: str, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """Viewers who leave in the midst of their stream write nothing into the log, their ticket least of all."""
    event = make_event(owner)
    Tallies(redis_url).write(event, {1: 3})
    with read_process("query.streams", tmp_path, database.url("vote_query"), redis_url, mint) as sse:
        where = urlsplit(sse.url)
        for door in ("stream", "ws"):
            with socket.create_connection((where.hostname or "", where.port or 0)) as viewer:
                upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n" if door == "ws" else ""
                head = f"GET /v1/event/{event.event_id}/{door}?ticket=secret HTTP/1.1\r\nHost: a\r\n{upgrade}"
                viewer.sendall(
                    f"{head}Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
                )
                assert viewer.recv(100)
        async with aiohttp.ClientSession(sse.url) as session:
            while True:  # until it has noticed; the test's own time limit ends it
                async with session.get("/metrics") as answer:
                    if "\nvote_stream_subscribers 0.0" in await answer.text():
                        break
    assert [line for line in sse.process.said() if '"info"' not in line or "secret" in line] == []


async def test_a_proxy_of_the_environment_is_for_others(
    tmp_path: Path, database: Database, redis_url: str, mint: TokenMint
) -> None:
    """Our own keys are fetched where they are, though the environment names a proxy that isn't even there."""
    nowhere = "http://127.0.0.1:9"
    handler = partial(SimpleHTTPRequestHandler, directory=str(mint.jwks.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as keys:
        Thread(target=keys.serve_forever, daemon=True).start()
        settings = {
            "JWKS_URL": f"http://127.0.0.1:{keys.server_port}/{mint.jwks.name}",
            "http_proxy": nowhere,
            "HTTP_PROXY": nowhere,
            "all_proxy": nowhere,
            "no_proxy": "",
        }
        with read_process("query.reads", tmp_path, database.url("vote_query"), redis_url, mint, **settings) as query:
            async with (
                aiohttp.ClientSession(query.url) as session,
                session.get("/v1/events", headers=mint.voter().headers) as answer,
            ):
                assert answer.status == 200
        keys.shutdown()
