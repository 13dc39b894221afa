"""A command process of the caller's own, and people who may vote through it."""

import contextlib
import dataclasses
import json
import os
import secrets
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import psycopg
from cryptography.hazmat.primitives.asymmetric import rsa

from contract.pseudonym import voter_of
from contract.seal import ballot_seal_of
from contract.tokens import ACCESS_TYPE, AUDIENCE, ISSUER, SeedBox
from ops.embedded import ports
from ops.rig.server_process import ServerProcess

RECEIPT_KEY, SEAL_KEY, SEED_KEY = b"r" * 16, b"s" * 32, b"k" * 32


@dataclasses.dataclass(frozen=True)
class Voter:
    """A person with a valid token."""

    user_id: str
    seed: bytes
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """The Authorization header."""
        return {"Authorization": f"Bearer {self.token}"}

    def pseudonym(self, event_no: int) -> bytes:
        """What stands for this person in the ledger."""
        return voter_of(self.seed, event_no)


class TokenMint:
    """Stands in for identity: signs with a key of its own, serves its public half as a file."""

    def __init__(self, folder: Path) -> None:
        self.jwks = folder / "jwks.json"
        self.rotate("first-key")

    def rotate(self, key_id: str) -> None:
        """Sign with a new key from now on, and publish it in the place of the last one."""
        self._key_id = key_id
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self._private.public_key(), as_dict=True)
        self.jwks.write_text(json.dumps({"keys": [{**public, "kid": key_id, "alg": "RS256"}]}))

    def voter(self, *roles: str) -> Voter:
        """A new person; without roles a viewer."""
        user_id, seed = str(uuid.uuid4()), secrets.token_bytes(32)
        claims = {"sub": user_id, "roles": list(roles) or ["viewer"], "seed": SeedBox(SEED_KEY).close(seed, user_id)}
        return Voter(user_id, seed, self.token(**claims))

    def token(self, **claims: Any) -> str:
        """A token with these claims over sound defaults."""
        now = int(time.time())
        standard = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 900, "jti": secrets.token_hex(8)}
        return jwt.encode({**standard, **claims}, self._private, "RS256", {"kid": self._key_id, "typ": ACCESS_TYPE})


@dataclasses.dataclass(frozen=True)
class CommandProcess:
    """A running `python -m command`."""

    url: str
    process: ServerProcess


@contextlib.contextmanager
def command_process(
    folder: Path,
    database_url: str,
    mint: TokenMint,
    program: Sequence[str] = ("-m", "command"),
    key_numbers: int = 1,
    **settings: str,
) -> Iterator[CommandProcess]:
    """Run a command process (or another `program` like it) on this database until the end of the block.

    It holds the keys 1 to `key_numbers`, and gives new events the last.
    """
    (folder / "seed").write_text(SEED_KEY.hex())
    for name, key in (("receipts", RECEIPT_KEY), ("seals", SEAL_KEY)):
        (folder / name).write_text(json.dumps({str(number): key.hex() for number in range(1, key_numbers + 1)}))
    port = ports.choose(["command"], {})["command"]
    env = {
        **os.environ,
        "DATABASE_URL": database_url,
        "COMMAND_PORT": str(port),
        "JWKS_URL": mint.jwks.as_uri(),
        "SEED_KEY_FILE": str(folder / "seed"),
        "RECEIPT_KEYS_FILE": str(folder / "receipts"),
        "SEAL_KEYS_FILE": str(folder / "seals"),
        **settings,
    }
    with ServerProcess(lambda: [sys.executable, *program], '"serving"', env).running() as process:
        yield CommandProcess(f"http://127.0.0.1:{port}", process)


@dataclasses.dataclass(frozen=True)
class Event:
    """An event made by SQL."""

    event_no: int
    event_id: str
    contestants: list[str]


def make_event(connection: psycopg.Connection, status: str = "open", contestants: int = 2, **fields: object) -> Event:
    """Make an event through the ledger's own functions; `fields` as in create_event's JSON."""
    given = [
        {"contestant_name": f"C{number}", "contestant_description": "", "contestant_image_url": ""}
        for number in range(1, contestants + 1)
    ]
    content = json.dumps({"event_name": "Final", "contestants": given, **fields})
    row = connection.execute("SELECT * FROM create_event(%s, 1, gen_random_uuid(), 'test')", [content]).fetchone()
    assert row
    event_no, event_id = row
    [ballot] = connection.execute("SELECT ballot_of(%s)", [event_no]).fetchone() or ("",)
    for step in {"draft": [], "open": ["open"], "closed": ["open", "closed"]}[status]:
        change = [event_id, step, ballot, ballot_seal_of(SEAL_KEY, ballot)]
        connection.execute("SELECT change_event_status(%s, %s, NULL, NULL, %s, %s)", change)
    ids = connection.execute(
        "SELECT contestant_id::text FROM contestants WHERE event_no = %s ORDER BY contestant_no", [event_no]
    )
    return Event(event_no, str(event_id), [contestant_id for (contestant_id,) in ids.fetchall()])


def vote_of(voter: Voter, event: Event, contestant: int = 0) -> dict[str, object]:
    """The body of a vote."""
    return {"user_id": voter.user_id, "event_id": event.event_id, "contestant_id": event.contestants[contestant]}


async def submit(session: aiohttp.ClientSession, voter: Voter, body: object) -> tuple[int, dict[str, Any]]:
    """POST a vote (JSON, or bytes as they are), again while the answer is 503 as the contract says; status and body."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {**voter.headers, "Content-Type": "application/json"}
    while True:
        async with session.post("/v1/vote/submit", data=data, headers=headers) as response:
            if response.status != 503:
                return response.status, await response.json()
