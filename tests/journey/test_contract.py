"""Each declared call is there behind the edge and answers as declared, to those who ask rightly and to strangers."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pyotp
import pytest

from contract import elections
from contract.web.call import Call
from ops.embedded.demo_event import operator
from ops.openapi import DOCUMENT
from ops.rig.authenticator import Authenticator
from ops.rig.challenges import solve
from ops.rig.contract_caller import CALLS, Caller, error_in
from ops.rig.mail_server import MailServer
from ops.rig.oidc_issuer import NONCE, OidcIssuer
from ops.rig.running_stack import RunningStack

UNKNOWN = "00000000-0000-4000-8000-000000000000"
DOCUMENTED = msgspec.json.decode(DOCUMENT.read_bytes())["paths"]
CONTESTANT = {"contestant_name": "Ada", "contestant_description": "sings", "contestant_image_url": ""}


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
@pytest.mark.parametrize("bearer", ["", "Bearer nonsense"])
@pytest.mark.parametrize("parameter", [UNKNOWN, "nonsense"])
async def test_call_answers_as_documented(stack: RunningStack, call: Call, bearer: str, parameter: str) -> None:
    """The status is a documented one, and a refusal has the one shape and a code that is documented for its status."""
    documented = DOCUMENTED[call.path][call.method.lower()]["responses"]
    headers = {"Content-Type": "application/json", **({"Authorization": bearer} if bearer else {})}
    url = stack.demo["edge_url"] + re.sub(r"{\w+}", parameter, call.path)
    body = b"{}" if call.method in ("POST", "PUT", "PATCH") else None
    async with (
        aiohttp.ClientSession() as session,
        session.request(call.method, url, data=body, headers=headers) as answer,
    ):
        content = await answer.read()
        assert str(answer.status) in documented, content
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Trace-Id"])
        if answer.status >= 400:
            error = error_in(content, call.path)
            assert f"`{error.code}`" in documented[str(answer.status)]["description"]
            assert uuid.UUID(error.trace_id).hex == answer.headers["X-Trace-Id"]
            assert (error.message == "no such path") <= ("{name}" in call.path), "the edge doesn't route it"
        elif answer.status != 204:
            assert answer.content_type in documented[str(answer.status)]["content"]


@pytest.fixture
async def caller(stack: RunningStack) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession(stack.demo["edge_url"]) as session:
        yield Caller(session)


async def register(caller: Caller) -> dict[str, str]:
    """What a new viewer gave to register, after solving a challenge."""
    name, password = f"viewer-{uuid.uuid4().hex[:12]}", "correct horse battery staple"
    account = {"username": name, "email": f"{name}@example.org", "date_of_birth": "1990-02-03", "password": password}
    challenge = await caller.ask("auth_challenge", body={})
    solution = {"payload": await asyncio.to_thread(solve, challenge)}
    registration = await caller.ask("auth_challenge_solution", body=solution)
    await caller.ask("auth_register", registration["token"], account, 201)
    return account


async def captcha_token(caller: Caller, token: str, event_id: str) -> str:
    """What this voter's vote in this event needs."""
    challenge = await caller.ask("auth_challenge", token, {"purpose": "vote", "event_id": event_id})
    return await asyncio.to_thread(solve, challenge)


async def _confirm_mail(caller: Caller, token: str, address: str, mails: MailServer) -> None:
    await caller.ask("auth_mail_confirmation", token, status=202)
    link = await asyncio.to_thread(mails.link_to, address)
    await caller.ask("auth_mail_confirm", body={"token": link.partition("#")[2]})


async def _run_a_rehearsal(caller: Caller, admin: dict[str, str]) -> None:
    """Every call that makes, changes and shows an event, asked rightly."""

    async def ask(name: str, body: object = None, status: int = 200, **parameters: str) -> Any:
        return await caller.ask(name, admin["token"], body, status, **({"event_id": event["event_id"]} | parameters))

    wanted = {"user_id": admin["userId"], "event_name": "Rehearsal", "contestants": [], "rehearsal": True}
    event = await caller.ask("event_create", admin["token"], {**wanted, "two_person": True})
    ada = await ask("contestant_add", CONTESTANT, 201)
    bea = await ask("contestant_add", {**CONTESTANT, "contestant_name": "Bea"}, 201)
    await ask("contestant_edit", {"order_no": 2}, contestant_id=ada["contestant_id"])
    await ask("contestant_remove", None, 204, contestant_id=bea["contestant_id"])
    await ask("event_edit", {"results_visibility": "staff", "theme": {"accent": "#ff0000"}})
    await ask("event_open")
    await ask("event_pause")
    await ask("event_resume")
    await ask("event_cancel", status=202)
    await ask("event_freeze")
    await ask("event_unfreeze")
    await ask("event_close")
    await ask("event_reveal", {"places": 1})
    await ask("event_next_round", {"contestant_ids": [ada["contestant_id"]], "event_name": "Round 2"})
    await ask("event_void", {"reason": "a line was dead"}, 202)
    await ask("event_duplicate", {})
    await ask("event_reset")


async def _confirm_a_cancel(caller: Caller, stack: RunningStack, admin: dict[str, str]) -> None:
    """One asks, another one confirms."""
    person = {"username": "contract-host", "password": "correct horse battery staple"}
    words = ["make-staff", person["username"], "--role", "host"]
    await asyncio.to_thread(operator, stack.folder.root, words, person["password"])
    host = await caller.ask("auth_login", body=person)
    wanted = {"user_id": admin["userId"], "event_name": "Two", "contestants": [CONTESTANT], "two_person": True}
    event = await caller.ask("event_create", admin["token"], wanted)
    await caller.ask("event_open", admin["token"], event_id=event["event_id"])
    await caller.ask("event_cancel", admin["token"], status=202, event_id=event["event_id"])
    await caller.ask("event_confirm", host["token"], {"action": "cancel"}, event_id=event["event_id"])
    await caller.ask("event_cancel", admin["token"], event_id=event["event_id"])


async def _ask_for_pages(caller: Caller, event_id: str) -> None:
    for name in ("results", "live_count", "stream", "live_page", "vote_page", "ballot", "qr_code"):
        await caller.ask(name, event_id=event_id)
    look = await caller.ask("look", event_id=event_id)
    await caller.ask("join", code=look["short_code"].lower(), status=302)
    await caller.ask("viewer_seen", body={"delays_ms": [12.5]}, event_id=event_id)
    for name in ("home", "docs", "openapi", "confirm_page", "desk_page"):
        await caller.ask(name)
    await caller.ask("live_asset", name="live.js")
    await caller.ask("vote_asset", name="vote.js")
    await caller.ask("ograf_file", name="graphic.mjs")
    await caller.ask("docs_asset", name="docs.js")
    await caller.ask("confirm_asset", name="confirm.js")
    await caller.ask("desk_asset", name="desk.js")


async def _leave(caller: Caller, account: dict[str, str], token: str) -> None:
    leaver = await caller.ask("auth_login", body={name: account[name] for name in ("username", "password")})
    await caller.ask("auth_logout", leaver["token"], status=204)
    await caller.ask("me_erase", token, status=204)


async def _become_staff(caller: Caller, admin: str, edge_url: str) -> None:
    """Somebody gets a role, sets up and shows second factors, and loses all of it."""
    account = await register(caller)
    login = await caller.ask("auth_login", body={name: account[name] for name in ("username", "password")})
    person, token = {"user_id": login["userId"]}, login["token"]
    await caller.ask("staff_role_give", admin, role="host", **person)
    app = await caller.ask("auth_factor_totp", token, status=201)
    added = await caller.ask("auth_factor_totp_confirm", token, {"code": pyotp.TOTP(app["secret"]).now()})
    await caller.ask("auth_factor_show", token, {"code": added["recovery_codes"][0]}, 204)
    passkey = Authenticator(edge_url.replace("127.0.0.1", "localhost"), "localhost")
    made = passkey.create((await caller.ask("auth_factor_passkey_options", token))["options"])
    await caller.ask("auth_factor_passkey", token, {"credential": made, "name": "mine"}, 201)
    shown = passkey.get((await caller.ask("auth_factor_show_options", token))["options"])
    await caller.ask("auth_factor_show", token, {"credential": shown}, 204)
    assert len((await caller.ask("auth_factor_codes", token))["recovery_codes"]) == 10
    assert [each["kind"] for each in (await caller.ask("auth_factors", token))["factors"]] == ["totp", "passkey"]
    await caller.ask("auth_factor_remove", token, factor_id=app["factor_id"], status=204)

    assert {"host"} in [set(each["roles"]) for each in (await caller.ask("staff", admin))["staff"]]
    await caller.ask("staff_role_take", admin, role="host", **person)
    await caller.ask("staff_sessions_end", admin, **person)
    assert (await caller.ask("staff_log", admin))["log"][0]["action"] == "sessions.end"


async def _ask_for_outputs(caller: Caller, admin_token: str, event_id: str) -> None:
    """What a studio, a newsroom and auditors get of an event."""
    await caller.ask("statistics", admin_token, event_id=event_id)
    await caller.ask("audit_log", admin_token)
    await caller.ask("road_status", admin_token)
    await caller.ask("sheet", admin_token, event_id=event_id)
    for name in ("feed_json", "feed_csv"):
        await caller.ask(name, event_id=event_id)


async def test_success_is_what_was_declared(
    stack: RunningStack, caller: Caller, mails: MailServer, issuer: OidcIssuer
) -> None:
    """Every call, asked rightly, answers success in the very shape of its declaration."""
    account = await register(caller)
    name, password = account["username"], account["password"]
    viewer = await caller.ask("auth_login", body={"username": name, "password": password})
    viewer = await caller.ask("auth_refresh", body={"refresh_token": viewer["refresh_token"]})
    await caller.ask("auth_validate", viewer["token"])
    await _confirm_mail(caller, viewer["token"], account["email"], mails)
    await caller.ask("auth_exchange", body={"id_token": issuer.token(), "nonce": NONCE})
    await caller.ask("jwks")
    admin = await caller.ask("auth_login", body=stack.demo["admin"])
    await _become_staff(caller, admin["token"], stack.demo["edge_url"])
    wanted = {"user_id": admin["userId"], "event_name": "All calls", "contestants": [CONTESTANT], "captcha": True}
    await _run_a_rehearsal(caller, admin)
    await _confirm_a_cancel(caller, stack, admin)
    event = await caller.ask("event_create", admin["token"], wanted)
    event_id = event["event_id"]
    await caller.ask("event_open", admin["token"], event_id=event_id)
    vote = {
        "user_id": viewer["userId"],
        "event_id": event_id,
        "contestant_id": event["contestants"][0]["contestant_id"],
        "captcha_token": await captcha_token(caller, viewer["token"], event_id),
    }
    before = await caller.ask("user_vote", viewer["token"], event_id=event_id, user_id=viewer["userId"])
    ack = await caller.ask("vote_submit", viewer["token"], vote)
    after = await caller.ask("user_vote", viewer["token"], event_id=event_id, user_id=viewer["userId"])
    assert (before["vote_id"], after["vote_id"]) == (None, ack["vote_id"])
    await caller.ask("vote_status", viewer["token"], vote_id=ack["vote_id"])
    await caller.ask("event_rules", admin["token"], event_id=event_id)
    await caller.ask("event_close", admin["token"], event_id=event_id)
    await _ask_for_outputs(caller, admin["token"], event_id)

    mine = await caller.ask("my_votes", viewer["token"])
    assert mine["votes"][0]["vote_id"] == ack["vote_id"]
    assert (await caller.ask("me", viewer["token"]))["email"] == account["email"]
    other = await caller.ask("auth_login", body={"username": name, "password": password})
    sessions = (await caller.ask("auth_sessions", other["token"]))["sessions"]
    assert [each["current"] for each in sessions] == [True, False]
    await caller.ask("auth_session_end", viewer["token"], session_id=sessions[0]["session_id"], status=204)

    await caller.ask("events", viewer["token"])
    for name in ("event", "leaderboard", "contestants", "stream_ticket"):
        await caller.ask(name, viewer["token"], event_id=event_id)
    await _ask_for_pages(caller, event_id)
    await _leave(caller, account, viewer["token"])
    own = {call.name for call in CALLS if not call.path.startswith(elections.PREFIX)}  # those are in test_elections
    assert own - caller.asked == {"websocket"}, "which has no answer, see test_journey"
