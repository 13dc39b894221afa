"""What people are and hold stays out of every log: of all processes, edge and databases, after a whole visit."""

import uuid

import aiohttp

from ops.rig.running_stack import RunningStack

ADDRESS = "203.0.113.77"  # where a proxy says that the visitor is


async def ask(session: aiohttp.ClientSession, path: str, body: object, token: str = "") -> dict[str, str]:
    """The JSON of a POST, whatever its status."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with session.post(path, json=body, headers=headers) as answer:
        return {} if answer.status == 204 else await answer.json()


async def test_no_log_tells_who_was_here(stack: RunningStack) -> None:
    """No token, ticket, address, mail address, name, date of birth, password or device of a visitor is in any log."""
    name, password = f"visitor-{uuid.uuid4().hex}", f"secret {uuid.uuid4().hex}"
    device, event_id = f"device-{uuid.uuid4().hex}", stack.demo["event_id"]
    account = {"username": name, "email": f"{name}@example.org", "date_of_birth": "1971-03-29", "password": password}
    credentials = {"username": name, "password": password}
    tokens = []
    headers = {"X-Forwarded-For": ADDRESS, "User-Agent": device}
    async with aiohttp.ClientSession(stack.demo["edge_url"], headers=headers) as session:
        await ask(session, "/v1/auth/register", account, stack.demo["client_token"])
        await ask(session, "/v1/auth/login", {**credentials, "password": password.upper()})
        login = await ask(session, "/v1/auth/login", credentials)
        renewed = await ask(session, "/v1/auth/refresh", {"refresh_token": login["refresh_token"]})
        await ask(session, "/v1/auth/refresh", {"refresh_token": renewed["refresh_token"] + "x"})
        token = renewed["token"]
        async with session.get(f"/v1/event/{event_id}") as answer:
            ballot = await session.get(f"/v1/contestants/{event_id}", headers={"Authorization": f"Bearer {token}"})
            contestant_id = (await ballot.json())["contestants"][0]["contestant_id"]
            assert answer.status == 401
        vote = {"user_id": login["userId"], "event_id": event_id, "contestant_id": contestant_id}
        ack = await ask(session, "/v1/vote/submit", {**vote, "meta": {"device_id": device}}, token)
        assert ack["vote_status"] == "acked"
        ticket = (await ask(session, f"/v1/event/{event_id}/stream/ticket", {}, token))["ticket"]
        async with session.get(f"/v1/event/{event_id}/stream?ticket={ticket}") as stream:
            await stream.content.readany()
        await ask(session, "/v1/auth/logout", {}, token)
        await ask(session, "/v1/vote/submit", vote, token)
        tokens += [login["token"], login["refresh_token"], token, renewed["refresh_token"], ticket]
    private = [name, account["email"], account["date_of_birth"], password, password.upper(), device, ADDRESS]
    logs = {path.name: path.read_text(errors="replace") for path in stack.folder.logs.rglob("*") if path.is_file()}
    assert logs
    found = {(log, text) for log, content in logs.items() for text in (*private, *tokens) if text in content}
    assert found == set()
