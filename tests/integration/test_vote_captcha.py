"""Votes that need a captcha: solved challenges, and a provider's tokens, on a real command process."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import psycopg
import pytest

from command.__main__ import CommandService
from contract.challenge import Aim, Challenger
from contract.settings import SettingError
from ops.rig.challenges import solve
from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.people import CHALLENGE_KEY, TokenMint, Voter
from ops.rig.service import Service, command_process
from ops.rig.siteverify_server import SECRET, SiteVerifyServer, siteverify_server
from ops.rig.votes import vote_of

REQUIRED, INVALID = (400, "captcha_required"), (400, "captcha_invalid")


@pytest.fixture
def command(tmp_path: Path, database: Database, mint: TokenMint) -> Iterator[Service]:
    with ready_command(tmp_path, database, mint) as process:
        yield process


@pytest.fixture
def provider() -> Iterator[SiteVerifyServer]:
    with siteverify_server() as server:
        yield server


@contextlib.contextmanager
def ready_command(folder: Path, database: Database, mint: TokenMint, **settings: Any) -> Iterator[Service]:
    """A command process that has the public keys: its 503 means something else."""
    with command_process(folder, database.url("vote_command"), mint, **settings) as process:
        yield process


def asking(folder: Path, provider: SiteVerifyServer, **others: str) -> dict[str, Any]:
    """The settings of a command process that asks this provider; it waits as long as a crowded machine may take."""
    (folder / "captcha").write_text(f"{SECRET}\n")
    asked = {
        "CAPTCHA_PROVIDER": "turnstile",
        "CAPTCHA_SECRET_FILE": str(folder / "captcha"),
        "CAPTCHA_URL": provider.url,
    }
    return {**asked, "CAPTCHA_TIMEOUT_MS": "14000", **others}


async def vote(
    session: aiohttp.ClientSession, voter: Voter, event: Event, token: object = None, contestant: int = 0
) -> tuple[int, dict[str, Any]]:
    body = {**vote_of(voter, event, contestant), **({} if token is None else {"captcha_token": token})}
    async with session.post("/v1/vote/submit", json=body, headers=voter.headers) as response:
        return response.status, await response.json()


def refusal(answer: tuple[int, dict[str, Any]]) -> tuple[int, str]:
    return answer[0], answer[1]["error"]["code"]


def solution(purpose: str = "vote", event_id: str = "", user_id: str = "", lifetime_s: int = 600) -> str:
    aim = msgspec.convert({"purpose": purpose, "event_id": event_id, "user_id": user_id}, Aim)
    made = Challenger({1: CHALLENGE_KEY}).make(aim, 10, 3, int(time.time()) + lifetime_s)
    return solve(msgspec.to_builtins(made))


async def test_a_solved_challenge_lets_its_voter_vote(
    command: Service, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """Without one the vote is refused; with it taken, and the same vote with the same solution is the same again."""
    event, voter = make_event(owner, captcha=True), mint.voter()
    payload = solution("vote", event.event_id, voter.user_id)
    async with aiohttp.ClientSession(command.url) as session:
        for nothing in (None, ""):
            assert refusal(await vote(session, voter, event, nothing)) == REQUIRED
        first = await vote(session, voter, event, payload)
        again = await vote(session, voter, event, payload)
        other = await vote(session, voter, event, payload, contestant=1)
    assert first[0] == 200
    assert first == again
    assert refusal(other) == (409, "already_voted")


async def test_solutions_for_something_else(command: Service, mint: TokenMint, owner: psycopg.Connection) -> None:
    """Another event's, another voter's, another purpose's, an expired one and nonsense let nobody vote."""
    event, other, voter = make_event(owner, captcha=True), make_event(owner, captcha=True), mint.voter()
    tokens = [
        solution("vote", other.event_id, voter.user_id),
        solution("vote", event.event_id, mint.voter().user_id),
        solution("register"),
        solution("vote", event.event_id, voter.user_id, lifetime_s=-1),
        "nonsense",
    ]
    async with aiohttp.ClientSession(command.url) as session:
        for token in tokens:
            answer = await vote(session, voter, event, token)
            assert refusal(answer) == INVALID
            assert answer[1]["error"]["field"] == "captcha_token"
        for unfit in (7, "x" * 5000):
            assert refusal(await vote(session, voter, event, unfit)) == (400, "invalid_field")
    assert owner.execute("SELECT count(*) FROM votes WHERE event_no = %s", [event.event_no]).fetchone() == (0,)


async def test_a_lost_answer_needs_no_new_captcha(command: Service, mint: TokenMint, owner: psycopg.Connection) -> None:
    """Who has voted gets the answer again by an expired challenge; whoever has not is told that it has expired."""
    event, voter, other = make_event(owner, captcha=True), mint.voter(), mint.voter()
    async with aiohttp.ClientSession(command.url) as session:
        first = await vote(session, voter, event, solution("vote", event.event_id, voter.user_id))
        expired = [solution("vote", event.event_id, each.user_id, lifetime_s=-1) for each in (voter, other)]
        assert await vote(session, voter, event, expired[0]) == first
        assert refusal(await vote(session, voter, event, expired[0], contestant=1)) == (409, "already_voted")
        assert refusal(await vote(session, other, event, expired[1])) == INVALID
    assert owner.execute("SELECT count(*) FROM votes WHERE event_no = %s", [event.event_no]).fetchone() == (1,)


async def test_an_event_without_captcha_asks_for_none(
    command: Service, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """Nothing is checked, not even what is sent."""
    event = make_event(owner)
    async with aiohttp.ClientSession(command.url) as session:
        for token in (None, "nonsense"):
            assert (await vote(session, mint.voter(), event, token))[0] == 200
        async with session.get("/metrics") as response:
            assert "vote_captchas_total{" not in await response.text()


async def test_a_host_asks_for_captchas(command: Service, mint: TokenMint) -> None:
    """`captcha` at create makes votes need one."""
    host, voter = mint.voter("host"), mint.voter()
    contestant = {"contestant_name": "Ada", "contestant_description": "", "contestant_image_url": ""}
    wanted = {"user_id": host.user_id, "event_name": "Final", "contestants": [contestant], "captcha": True}
    async with aiohttp.ClientSession(command.url) as session:
        async with session.post("/v1/event/create", json=wanted, headers=host.headers) as response:
            made = await response.json()
        async with session.post(f"/v1/event/{made['event_id']}/open", headers=host.headers) as response:
            assert response.status == 200
        event = Event(0, made["event_id"], [made["contestants"][0]["contestant_id"]])
        assert refusal(await vote(session, voter, event)) == REQUIRED
        payload = solution("vote", event.event_id, voter.user_id)
        assert (await vote(session, voter, event, payload))[0] == 200


@pytest.mark.parametrize("name", ["turnstile", "hcaptcha", "recaptcha"])
async def test_a_providers_token(
    tmp_path: Path,
    database: Database,
    mint: TokenMint,
    owner: psycopg.Connection,
    provider: SiteVerifyServer,
    name: str,
) -> None:
    """The provider's word counts; its token is asked about once, and the voter may send the vote again."""
    event, voter, other = make_event(owner, captcha=True), mint.voter(), mint.voter()
    with ready_command(tmp_path, database, mint, **asking(tmp_path, provider, CAPTCHA_PROVIDER=name)) as command:
        async with aiohttp.ClientSession(command.url) as session:
            assert refusal(await vote(session, voter, event)) == REQUIRED
            assert refusal(await vote(session, voter, event, "wrong")) == INVALID
            first = await vote(session, voter, event, "right")
            again = await vote(session, voter, event, "right")
            assert refusal(await vote(session, other, event, "right")) == INVALID
            solved = solution("vote", event.event_id, other.user_id)
            assert refusal(await vote(session, other, event, solved)) == INVALID
    assert first[0] == 200
    assert first == again
    asked = [form for form in provider.forms if form["response"] == "right"]
    assert [form["remoteip"] for form in asked] == ["127.0.0.1"] * 2
    assert [("idempotency_key" in form) for form in asked] == [name == "turnstile"] * 2


async def test_two_processes_take_one_turnstile_token_of_one_voter(
    tmp_path: Path, database: Database, mint: TokenMint, owner: psycopg.Connection, provider: SiteVerifyServer
) -> None:
    """A vote that comes again at another process is asked about again by the same key, and is right again."""
    event, voter = make_event(owner, captcha=True), mint.voter()
    settings = asking(tmp_path, provider)
    answers = []
    for _ in range(2):
        with ready_command(tmp_path, database, mint, **settings) as command:
            async with aiohttp.ClientSession(command.url) as session:
                answers.append(await vote(session, voter, event, "right"))
    assert answers[0][0] == 200
    assert answers[0] == answers[1]
    assert len(provider.forms) == 2


@pytest.mark.parametrize(("when_away", "status"), [("closed", 503), ("open", 200)])
@pytest.mark.parametrize("trouble", ["down", "silent", "useless"])
async def test_a_provider_that_gives_no_word(  # noqa: PLR0917  # fixtures
    tmp_path: Path,
    database: Database,
    mint: TokenMint,
    owner: psycopg.Connection,
    provider: SiteVerifyServer,
    trouble: str,
    when_away: str,
    status: int,
) -> None:
    """Down, silent, nonsense, an error of its own or of our secret: 503 to be repeated, or let through, as is set."""
    event = make_event(owner, captcha=True)
    settings = asking(tmp_path, provider, CAPTCHA_WHEN_AWAY=when_away)
    answers: list[dict[str, Any]] = [{}]
    if trouble == "silent":
        provider.may_answer.clear()
        settings["CAPTCHA_TIMEOUT_MS"] = "50"
    elif trouble == "down":
        settings["CAPTCHA_URL"] = "http://127.0.0.1:9/siteverify"
    else:
        answers = [{"answer": b"<html>"}, {"answer": None, "status": 500}, {"status": 200, "secret": "a newer one"}]
    with ready_command(tmp_path, database, mint, **settings) as command:
        async with aiohttp.ClientSession(command.url) as session:
            for attributes in answers:
                vars(provider).update(attributes)
                answer = await vote(session, mint.voter(), event, "right")
                assert answer[0] == status, attributes
                if status == 503:
                    assert answer[1]["error"]["message"].startswith("the captcha can't be checked")
            assert (await vote(session, mint.voter(), make_event(owner)))[0] == 200


async def test_so_many_are_asked_at_once(
    tmp_path: Path, database: Database, mint: TokenMint, owner: psycopg.Connection, provider: SiteVerifyServer
) -> None:
    """A crowd that needs captchas takes turns; all get in, and votes that need none don't wait for them."""
    event, easy = make_event(owner, captcha=True), make_event(owner)
    settings = asking(tmp_path, provider, CAPTCHA_CHECKS_MAX="3")
    provider.may_answer.clear()
    with ready_command(tmp_path, database, mint, **settings) as command:
        async with aiohttp.ClientSession(command.url) as session:
            crowd = [asyncio.create_task(vote(session, mint.voter(), event, f"right{number}")) for number in range(20)]
            assert (await vote(session, mint.voter(), easy))[0] == 200
            provider.may_answer.set()
            answers = await asyncio.gather(*crowd)
    assert {status for status, _ in answers} == {200}
    assert 1 <= provider.most_at_once <= 3


@pytest.mark.parametrize(
    ("settings", "variable"),
    [
        ({"CAPTCHA_PROVIDER": "hcaptcha"}, "CAPTCHA_SECRET_FILE"),
        ({"CAPTCHA_PROVIDER": "other"}, "CAPTCHA_PROVIDER"),
        ({"CAPTCHA_WHEN_AWAY": "maybe"}, "CAPTCHA_WHEN_AWAY"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, mint: TokenMint, settings: dict[str, str], variable: str) -> None:
    """A provider that isn't known or has no secret ends the process before it serves."""
    (tmp_path / "16").write_text('{"1": "' + "00" * 16 + '"}')
    (tmp_path / "32").write_text('{"1": "' + "00" * 32 + '"}')
    env = {
        "DATABASE_URL": "postgresql://",
        "IDENTITY_DATABASE_URL": "postgresql://",
        "JWKS_URL": mint.jwks.as_uri(),
        "RECEIPT_KEYS_FILE": str(tmp_path / "16"),
        **dict.fromkeys(("SEED_KEY_FILE", "SEAL_KEYS_FILE", "CHALLENGE_KEY_FILE"), str(tmp_path / "32")),
    }
    with pytest.raises(SettingError, match=variable):
        CommandService(env | settings)
