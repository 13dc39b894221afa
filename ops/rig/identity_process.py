"""An identity process of the caller's own, and its operator's command line."""

import contextlib
import dataclasses
import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp

from command.identity.signing_keys import key_path, make_next_key
from ops.embedded import ports
from ops.rig import python_process
from ops.rig.people import CHALLENGE_KEY, FACTOR_KEY, SEED_KEY
from ops.rig.server_process import ServerProcess
from ops.rig.service import Service

PERSON = {
    "username": "Ada",
    "email": "ada@example.org",
    "date_of_birth": "1990-12-10",
    "password": "correct horse",
}


@dataclasses.dataclass(frozen=True)
class IdentityProcess(Service):
    """A running `python -m command.identity`; `env` is what its operator has, too."""

    env: dict[str, str]

    def operator(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run the operator's command line, for scripts, with the process' own settings."""
        line = [sys.executable, "-m", "ops.operator", "--json", *words]
        return python_process.run(line, self.env, stdin)

    def start_anew(self) -> subprocess.CompletedProcess[str]:
        """Start another one with these settings, which must end by itself."""
        line = [sys.executable, "-m", "command.identity"]
        return python_process.run(line, self.env)

    def client_token(self, name: str = "app") -> str:
        """A token with which the application of this name may register people."""
        return str(json.loads(self.operator("add-application", name).stdout)["token"])


@contextlib.contextmanager
def identity_process(folder: Path, identity_url: str, **settings: str) -> Iterator[IdentityProcess]:
    """Run an identity process on this database of people until the end of the block."""
    (folder / "seed").write_text(json.dumps({"1": SEED_KEY.hex()}))
    (folder / "factors").write_text(json.dumps({"1": FACTOR_KEY.hex()}))
    (folder / "challenges").write_text(json.dumps({"1": CHALLENGE_KEY.hex()}))
    for secret in ("refresh", "erasure"):
        (folder / secret).write_text("00" * 32)
    _put_first_key(folder / "keys")
    port = ports.choose(["identity"], {})["identity"]
    env = {
        **os.environ,
        "IDENTITY_DATABASE_URL": identity_url,
        "IDENTITY_PORT": str(port),
        "SIGNING_KEY_FOLDER": str(folder / "keys"),
        "REFRESH_KEY_FILE": str(folder / "refresh"),
        "ERASURE_KEY_FILE": str(folder / "erasure"),
        "SEED_KEY_FILE": str(folder / "seed"),
        "CHALLENGE_KEY_FILE": str(folder / "challenges"),
        "CHALLENGE_TRIES": "8",
        "IDENTITY_NICENESS": "0",
        "SECOND_FACTOR_KEY_FILE": str(folder / "factors"),
        "STAFF_SECOND_FACTOR": "offered",
        **settings,
    }
    with ServerProcess(lambda: [sys.executable, "-m", "command.identity"], '"serving"', env).running() as process:
        yield IdentityProcess(port, process, env)


def _put_first_key(folder: Path) -> None:
    """The same in every folder, unless there is one: making a key takes as long as a start of a process."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if not any(folder.glob("*.pem")):
        path = key_path(folder, int(time.time()))
        path.touch(mode=0o600)
        path.write_bytes(_first_key())


@functools.cache
def _first_key() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return make_next_key(Path(folder)).read_bytes()


async def call(
    session: aiohttp.ClientSession, path: str, body: object = None, bearer: str = ""
) -> tuple[int, dict[str, Any]]:
    """POST the body, or GET without one; the answer's status and JSON."""
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    method = "GET" if body is None else "POST"
    async with session.request(method, path, json=body, headers=headers) as response:
        return response.status, await response.json()


def error_of(answer: tuple[int, dict[str, Any]]) -> tuple[int, str, str]:
    """Status, code and field of a refusal."""
    status, body = answer
    return status, body["error"]["code"], body["error"].get("field", "")
