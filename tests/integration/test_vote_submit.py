"""POST /v1/vote/submit on a real command process and a real Postgres."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from command.__main__ import CommandService
from contract.seal import seal_of
from contract.settings import SettingError
from contract.vote_id import ReceiptCipher, VoteKind
from ops.rig.database import Database
from ops.rig.event import change_status, make_event
from ops.rig.people import RECEIPT_KEY, SEAL_KEY, TokenMint
from ops.rig.service import Service, command_process
from ops.rig.votes import submit, vote_of


@pytest.fixture
def command(tmp_path: Path, database: Database, mint: TokenMint) -> Iterator[Service]:
    with command_process(tmp_path, database.url("vote_command"), mint) as process:
        yield process


def votes_of(connection: psycopg.Connection, event_no: int) -> list[tuple[Any, ...]]:
    query = "SELECT voter, contestant_no, voted_at, device, region, seal FROM votes WHERE event_no = %s"
    return connection.execute(query, [event_no]).fetchall()


async def test_vote_is_in_the_ledger_with_its_seal_when_it_is_acked(
    command: Service, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """A 200 carries the receipt of a row that is there, sealed, under the voter's pseudonym."""
    event, voter = make_event(owner), mint.voter()
    body = {**vote_of(voter, event, 1), "meta": {"device_id": "phone"}, "client_timestamp": "2026-01-01T00:00:00Z"}
    async with aiohttp.ClientSession(command.url) as session:
        status, content = await submit(session, voter, body)
    assert (status, content["vote_status"]) == (200, "acked")
    (row,) = votes_of(owner, event.event_no)
    pseudonym, contestant_no, voted_at, device, region, seal = row
    assert (pseudonym, contestant_no, region) == (voter.pseudonym(event.event_no), 2, None)
    receipt = ReceiptCipher(RECEIPT_KEY).open(uuid.UUID(content["vote_id"]))
    assert receipt is not None
    assert (receipt.kind, receipt.event_no, receipt.voter) == (VoteKind.ACCEPTED, event.event_no, pseudonym)
    assert seal == seal_of(
        SEAL_KEY,
        voted_at_us=round(voted_at.timestamp() * 1_000_000),
        device=device,
        event_no=event.event_no,
        contestant_no=2,
        region=None,
        voter=pseudonym,
    )


async def test_same_vote_again_gets_the_same_answer(
    command: Service, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """A retry is 200 with the same vote_id and accepted_at, also after the event has closed."""
    event, voter = make_event(owner), mint.voter()
    async with aiohttp.ClientSession(command.url) as session:
        first = await submit(session, voter, vote_of(voter, event))
        again = await submit(session, voter, vote_of(voter, event))
        change_status(owner, event.event_id, "close")
        late = await submit(session, voter, vote_of(voter, event))
    assert first[0] == 200
    assert first == again == late
    assert len(votes_of(owner, event.event_no)) == 1


async def test_a_thousand_submits_of_one_voter_make_one_vote(
    command: Service, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """Simultaneous submits of one voter give one row and one vote_id, whatever batches they fall into."""
    event, voter = make_event(owner), mint.voter()
    connector = aiohttp.TCPConnector(limit=100)
    async with aiohttp.ClientSession(command.url, connector=connector) as session:
        answers = await asyncio.gather(*(submit(session, voter, vote_of(voter, event)) for _ in range(1000)))
    assert {status for status, _ in answers} == {200}
    assert len({content["vote_id"] for _, content in answers}) == 1
    assert len(votes_of(owner, event.event_no)) == 1


async def test_another_contestant_is_a_conflict_with_a_receipt(
    command: Service, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """The first vote stands; the second is 409 already_voted, receipt and evidence kept."""
    event, voter = make_event(owner), mint.voter()
    async with aiohttp.ClientSession(command.url) as session:
        await submit(session, voter, vote_of(voter, event, 0))
        status, content = await submit(session, voter, vote_of(voter, event, 1))
    assert (status, content["error"]["code"], content["vote_status"]) == (409, "already_voted", "duplicate")
    receipt = ReceiptCipher(RECEIPT_KEY).open(uuid.UUID(content["vote_id"]))
    assert receipt is not None
    assert receipt.kind is VoteKind.DUPLICATE
    kinds = owner.execute("SELECT kind FROM vote_rejections WHERE event_no = %s", [event.event_no]).fetchall()
    assert kinds == [(VoteKind.DUPLICATE,)]


@pytest.mark.parametrize(("status", "kind"), [("draft", VoteKind.NOT_OPEN), ("closed", VoteKind.CLOSED)])
async def test_a_vote_outside_the_hours_is_refused_with_a_receipt(
    command: Service, mint: TokenMint, owner: psycopg.Connection, status: str, kind: VoteKind
) -> None:
    """Before the opening and after the close a vote is 409 event_not_open and not in the ledger."""
    event, voter = make_event(owner, status), mint.voter()
    async with aiohttp.ClientSession(command.url) as session:
        answer, content = await submit(session, voter, vote_of(voter, event))
    assert (answer, content["error"]["code"], content["vote_status"]) == (409, "event_not_open", "rejected")
    receipt = ReceiptCipher(RECEIPT_KEY).open(uuid.UUID(content["vote_id"]))
    assert receipt is not None
    assert receipt.kind is kind
    assert votes_of(owner, event.event_no) == []


BAD_BODIES: list[tuple[bytes, int, str, str | None]] = [
    (b"", 400, "invalid_body", None),
    (b"[]", 400, "invalid_body", None),
    (b"nonsense", 400, "invalid_body", None),
    (b"\xff\xfe", 400, "invalid_body", None),
    (b"[" * 10_000, 400, "invalid_body", None),
    (b'{"user_id": NaN}', 400, "invalid_body", None),
    (b"{}", 400, "missing_field", "user_id"),
    (b'{"user_id": 1}', 400, "invalid_field", "user_id"),
    (b'{"user_id": 1e999}', 400, "invalid_field", "user_id"),
    (b'{"user_id": "x"}', 400, "invalid_field", "user_id"),
    (b'{"user_id": "\xff"}', 400, "invalid_body", None),
    (b'{"a": "' + b"x" * 17_000 + b'"}', 413, "too_large", None),
]


async def test_a_bad_body_is_named_and_never_a_500(command: Service, mint: TokenMint) -> None:
    """Each malformed body gets its own error, with the field where there is one, and a trace id."""
    async with aiohttp.ClientSession(command.url) as session:
        for body, status, code, field in BAD_BODIES:
            answer, content = await submit(session, mint.voter(), body)
            assert (answer, content["error"]["code"], content["error"].get("field")) == (status, code, field), body
            assert len(content["error"]["trace_id"]) == 32


async def test_keys_of_tokens_rotate_without_a_restart(
    command: Service, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """A token of a new key is taken once the key is published; one of a withdrawn key is no longer."""
    event, early = make_event(owner), mint.voter()
    async with aiohttp.ClientSession(command.url) as session:
        assert (await submit(session, early, vote_of(early, event)))[0] == 200
        mint.rotate("second-key")
        late = mint.voter()
        while (await submit(session, late, vote_of(late, event)))[0] == 401:
            pass  # its first use wakes the fetcher
        assert (await submit(session, early, vote_of(early, event)))[0] == 401


async def test_keys_of_receipts_rotate_between_events(
    tmp_path: Path, database: Database, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """A new key is for new events: the same vote in an old event keeps its vote_id."""
    event, voter, host = make_event(owner), mint.voter(), mint.voter("host")
    contestant = {"contestant_name": "A", "contestant_description": "", "contestant_image_url": ""}
    content = {"user_id": host.user_id, "event_name": "New", "contestants": [contestant]}
    answers = []
    for key_numbers in (1, 2):
        with command_process(tmp_path, database.url("vote_command"), mint, key_numbers=key_numbers) as command:
            async with aiohttp.ClientSession(command.url) as session:
                answers.append(await submit(session, voter, vote_of(voter, event)))
                async with session.post("/v1/event/create", json=content, headers=host.headers) as response:
                    assert response.status == 200
    assert answers[0] == answers[1]
    numbers = owner.execute("SELECT key_no FROM events ORDER BY event_no").fetchall()
    assert numbers == [(1,), (1,), (2,)]


async def test_only_the_voter_may_vote(command: Service, mint: TokenMint, owner: psycopg.Connection) -> None:
    """No token is 401, somebody else's user_id 403, an unknown event or contestant 404."""
    event, voter, other = make_event(owner), mint.voter(), mint.voter()
    async with aiohttp.ClientSession(command.url) as session:
        async with session.post("/v1/vote/submit", json=vote_of(voter, event)) as response:
            assert response.status == 401
            assert response.headers["WWW-Authenticate"].startswith("Bearer")
        forged = await submit(session, other, vote_of(voter, event))
        nowhere = await submit(session, voter, {**vote_of(voter, event), "event_id": str(uuid.uuid4())})
        nobody = await submit(session, voter, {**vote_of(voter, event), "contestant_id": str(uuid.uuid4())})
    assert (forged[0], forged[1]["error"]["code"]) == (403, "not_yours")
    assert (nowhere[0], nowhere[1]["error"]["field"]) == (404, "event_id")
    assert (nobody[0], nobody[1]["error"]["field"]) == (404, "contestant_id")


async def test_an_event_whose_keys_are_not_here_takes_no_votes_here(
    command: Service, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """503 before anything is committed: no vote without its receipt."""
    event, voter = make_event(owner), mint.voter()
    owner.execute("UPDATE events SET key_no = 7")
    async with (
        aiohttp.ClientSession(command.url) as session,
        session.post("/v1/vote/submit", json=vote_of(voter, event), headers=voter.headers) as response,
    ):
        content = await response.json()
    assert (response.status, content["error"]["code"]) == (503, "busy")
    assert votes_of(owner, event.event_no) == []


def test_receipts_and_seals_must_have_the_same_keys(tmp_path: Path) -> None:
    """A process that could seal votes and not answer them, or the other way round, doesn't start."""
    files = {"SEED_KEY_FILE": json.dumps({"1": "00" * 32}), "SEAL_KEYS_FILE": json.dumps({"1": SEAL_KEY.hex()}),
             "RECEIPT_KEYS_FILE": json.dumps({"2": RECEIPT_KEY.hex()})}  # fmt: skip
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    env = {"DATABASE_URL": "postgresql://", "JWKS_URL": "file:///", **{name: str(tmp_path / name) for name in files}}
    with pytest.raises(SettingError, match="RECEIPT_KEYS_FILE and SEAL_KEYS_FILE"):
        CommandService(env)


async def test_too_many_votes_are_told_to_come_later(
    tmp_path: Path, database: Database, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """429 with Retry-After and without a receipt; an IPv6 network is one address; others hold up nobody."""
    event, ada, bob, cyd = make_event(owner), mint.voter(), mint.voter(), mint.voter()
    url, account, address = database.url("vote_command"), "3 per 1 hour", "2 per 1 hour"
    with command_process(tmp_path, url, mint, VOTES_PER_ACCOUNT=account, VOTES_PER_ADDRESS=address) as command:
        async with aiohttp.ClientSession(command.url) as session:
            first = await submit(session, ada, vote_of(ada, event), "2001:db8::1")
            assert (await submit(session, bob, vote_of(bob, event), "2001:db8::2"))[0] == 200
            status, body = await submit(session, cyd, vote_of(cyd, event), "2001:db8::3")
            assert (status, body["error"]["code"], "vote_id" in body) == (429, "too_many", False)
            assert await submit(session, ada, vote_of(ada, event), "2001:db8::4") == first
            assert (await submit(session, cyd, vote_of(cyd, event), "2001:db8:0:1::3"))[0] == 200
            assert await submit(session, ada, vote_of(ada, event), "2001:db8::5") == first
            async with session.post("/v1/vote/submit", json=vote_of(ada, event), headers=ada.headers) as response:
                assert (response.status, int(response.headers["Retry-After"]) > 0) == (429, True)
            async with session.get("/metrics") as response:
                metrics = await response.text()
    assert 'vote_limited_total{limit="account"} 1.0' in metrics
    assert 'vote_limited_total{limit="address"} 1.0' in metrics
