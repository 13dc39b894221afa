"""Services have the handlers that they declare, and the way in which a process ends tells its supervisor why.

Run as a program, this file is a process whose background work ends by itself at SIGUSR1.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sanic import Sanic

from command.__main__ import CommandService
from command.identity.__main__ import IdentityService
from command.identity.signing_keys import make_next_key
from contract import settings
from contract.web.background import Background, Work
from contract.web.service import Service, run_service
from ops.embedded import ports
from ops.rig.server_process import ServerProcess
from query.reads.__main__ import QueryService
from query.settings import QueryListening
from query.streams.__main__ import SseService

COMMAND = [sys.executable, __file__]
ENV = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


class FrailService(Service):
    """Answers no call; its work raises (with the word `raises` on the command line) or returns when it is told to."""

    handler_types = ()
    handlers = ()

    def __init__(self, env: Mapping[str, str]) -> None:
        self.listening = settings.read(QueryListening, env)
        self._told = asyncio.Event()

    async def why_not_ready(self) -> str:
        """Nothing is needed."""
        return ""

    async def open(self) -> None:
        """Be ready for the signal before anything says "serving"."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._told.set)

    def work(self) -> Iterable[Work]:
        """What is to end."""
        return [self._work()]

    def configure(self, app: Sanic[Any, Any]) -> None:
        """Wait for no head for long."""
        app.config.REQUEST_TIMEOUT = 0.5

    async def close(self) -> None:
        """Say so."""
        sys.stderr.write("closed\n")

    async def _work(self) -> None:
        await self._told.wait()
        if "raises" in sys.argv:
            raise RuntimeError("unforeseen")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """The least that all services need; nobody listens at these addresses."""
    make_next_key(tmp_path / "keys")
    (tmp_path / "refresh").write_text("00" * 32)
    (tmp_path / "seed").write_text(json.dumps({"1": "00" * 32}))
    (tmp_path / "receipts.json").write_text(json.dumps({"1": "00" * 16}))
    (tmp_path / "seals.json").write_text(json.dumps({"1": "00" * 32}))
    return {
        "DATABASE_URL": "postgresql://127.0.0.1:1/nothing",
        "IDENTITY_DATABASE_URL": "postgresql://127.0.0.1:1/nothing",
        "REPLICA_URL": "postgresql://127.0.0.1:1/nothing",
        "REDIS_URL": "redis://127.0.0.1:1",
        "JWKS_URL": "http://127.0.0.1:1/",
        "SIGNING_KEY_FOLDER": str(tmp_path / "keys"),
        "REFRESH_KEY_FILE": str(tmp_path / "refresh"),
        "ERASURE_KEY_FILE": str(tmp_path / "refresh"),
        "SEED_KEY_FILE": str(tmp_path / "seed"),
        "CHALLENGE_KEY_FILE": str(tmp_path / "seed"),
        "SECOND_FACTOR_KEY_FILE": str(tmp_path / "seed"),
        "RECEIPT_KEYS_FILE": str(tmp_path / "receipts.json"),
        "SEAL_KEYS_FILE": str(tmp_path / "seals.json"),
    }


@pytest.mark.parametrize("service", [CommandService, IdentityService, QueryService, SseService])
def test_a_service_has_one_handler_of_each_type_that_it_declares(
    service: type[CommandService | IdentityService | QueryService | SseService], env: dict[str, str]
) -> None:
    """Routes come from the handlers, the documentation from the types: they are the same, in the same order."""
    assert tuple(type(each) for each in service(env).handlers) == service.handler_types


def frail(*words: str, port: int = 0) -> ServerProcess:
    """This file as a program, at this port or any."""
    port = port or ports.choose(["frail"], {})["frail"]
    return ServerProcess(lambda: [*COMMAND, *words], '"serving"', {**ENV, "QUERY_PORT": str(port)})


@pytest.mark.parametrize("words", [["raises"], []])
def test_work_that_ends_by_itself_ends_the_process(words: list[str]) -> None:
    """Whether it raised or returned: the process says so, closes as on SIGTERM, and its exit code is 1."""
    with frail(*words).running() as process:
        process.send_signal(signal.SIGUSR1)
        process.wait()
        assert process.exit_code == 1
        process.wait_for("background work has ended")
        process.wait_for("closed")


def test_sigterm_is_a_clean_end() -> None:
    """Work that is cancelled has not died: exit code 0."""
    with frail().running() as process:
        process.send_signal(signal.SIGTERM)
        process.wait()
        assert process.exit_code == 0
        process.wait_for("closed")


async def test_work_that_loses_its_cancellation_ends_all_the_same() -> None:
    """It is told again until it hears."""
    background, told = Background(), []

    async def hard_of_hearing() -> None:
        for _ in range(3):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                told.append("once more")

    background.start([hard_of_hearing()])
    await asyncio.sleep(0)
    await background.stop()
    assert len(told) == 3
    assert not background.died


HEADS = {
    "GET {}": (400, "invalid_body"),
    "GET {}ev\xe9nts HTTP/1.1": (400, "invalid_body"),
    "GET {} HTTP/1.1\r\nno header": (400, "invalid_body"),
    "POST {} HTTP/1.1\r\nContent-Length: many": (400, "invalid_body"),
    "POST {} HTTP/1.1\r\nContent-Length: 1\r\nExpect: miracles": (400, "invalid_body"),
    "BREW {} HTTP/1.1\r\nConnection: close": (404, "not_found"),
    f"GET {{}}{'x' * 17_000} HTTP/1.1": (431, "headers_too_large"),
    f"GET {{}} HTTP/1.1\r\nX-Much: {'x' * 60_000}": (431, "headers_too_large"),
    f"GET {{}} HTTP/1.1\r\nX-Much: {'x' * 17_000}": (431, "headers_too_large"),
}
UNFINISHED = "GET {} HTTP/1.1\r\nHost: a"


def test_what_sanic_refuses_is_said_in_the_dialect_of_its_path() -> None:
    """Heads that are malformed, too large, or never end: what was asked for stands in their first line."""
    port = ports.choose(["frail"], {})["frail"]
    asked = [(f"{head}\r\n\r\n", *said) for head, said in HEADS.items()] + [(UNFINISHED, 400, "invalid_body")]
    with frail(port=port).running():
        for head, status, code in asked:
            for path in ("/v1/x", "/api/v1/x"):
                with socket.create_connection(("127.0.0.1", port)) as client, client.makefile("rb") as answer:
                    client.sendall(head.format(path).encode())
                    first, *_, body = answer.read().split(b"\r\n")
                assert first.startswith(f"HTTP/1.1 {status} ".encode()), head
                content = json.loads(body)
                if path.startswith("/api/"):
                    election = {"headers_too_large": "HEADERS_TOO_LARGE", "not_found": "NOT_FOUND"}
                    assert set(content) == {"code", "message", "traceId"}, head
                    assert content["code"] == election.get(code, "INVALID_REQUEST")
                    uuid.UUID(content["traceId"])
                else:
                    assert content["error"]["code"] == code, head


def test_a_head_that_is_too_large_is_taken_to_its_end() -> None:
    """With its body, before the refusal: a service that closes while the edge still sends looks dead."""
    port = ports.choose(["frail"], {})["frail"]
    body = b"x" * 100_000
    head = f"POST /v1/x HTTP/1.1\r\nX-Much: {'x' * 60_000}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with frail(port=port).running(), socket.create_connection(("127.0.0.1", port)) as client:
        for part in (head[:17_000], head[17_000:40_000], head[40_000:], body[:50_000], body[50_000:]):
            client.sendall(part)
            with socket.create_connection(("127.0.0.1", port)) as other, other.makefile("rb") as answer:
                other.sendall(b"GET /ready HTTP/1.1\r\nConnection: close\r\n\r\n")
                assert answer.read().startswith(b"HTTP/1.1 200 ")  # so the part has been seen
        with client.makefile("rb") as answer:
            assert answer.read().startswith(b"HTTP/1.1 431 ")


def test_a_wrong_setting_is_one_line() -> None:
    """For whoever started the process, naming the variable; exit code 2."""
    done = subprocess.run(COMMAND, env={**ENV, "QUERY_PORT": "many"}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("frail: QUERY_PORT is malformed")
    assert len(done.stderr.splitlines()) == 1


if __name__ == "__main__":
    sys.exit(run_service("frail", FrailService))
