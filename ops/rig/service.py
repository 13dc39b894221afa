"""Processes of the Procfile that answer HTTP, each of the caller's own."""

import contextlib
import dataclasses
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ops.embedded import ports
from ops.embedded.program_environment import identity_beside
from ops.embedded.readiness import DIRECTLY
from ops.rig.eventually import eventually
from ops.rig.people import CHALLENGE_KEY, RECEIPT_KEY, SEAL_KEY, SEED_KEY, TokenMint
from ops.rig.server_process import ServerProcess

BOUNDLESS = "1000000000 per 1 minute"  # one voter of a test sends what a thousand phones do, one machine what a country


@dataclasses.dataclass(frozen=True)
class Service:
    """A running process and its port of 127.0.0.1."""

    port: int
    process: ServerProcess

    @property
    def url(self) -> str:
        """Where it answers, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def is_ready(self) -> bool:
        """Whether it says that it may take traffic."""
        try:
            DIRECTLY.open(f"{self.url}/ready").close()
        except OSError:  # it says no, or doesn't listen yet
            return False
        return True


@contextlib.contextmanager
def command_process(
    folder: Path,
    database_url: str,
    mint: TokenMint,
    program: Sequence[str] = ("-m", "command"),
    key_numbers: int = 1,
    **settings: str,
) -> Iterator[Service]:
    """Run a command process (or another `program` like it) on this database until the end of the block.

    It begins when the process is ready.
    It holds the keys 1 to `key_numbers`, and gives new events the last. The database of people is the one beside this
    one, if there is one.
    """
    port = ports.choose(["command"], {})["command"]
    (folder / "seals").write_text(_keys(SEAL_KEY, key_numbers))
    (folder / "challenges").write_text(_keys(CHALLENGE_KEY, 1))
    env = {
        "DATABASE_URL": database_url,
        "IDENTITY_DATABASE_URL": identity_beside(database_url),
        "COMMAND_PORT": str(port),
        "SEAL_KEYS_FILE": str(folder / "seals"),
        "CHALLENGE_KEY_FILE": str(folder / "challenges"),
        "VOTES_PER_ACCOUNT": BOUNDLESS,
        "VOTES_PER_ADDRESS": BOUNDLESS,
        **_reading_tokens(folder, mint, key_numbers),
        **settings,
    }
    with _running(program, env) as process:
        service = Service(port, process)
        eventually(service.is_ready, "command is ready")
        yield service


@contextlib.contextmanager
def read_process(
    module: str, folder: Path, replica_url: str, redis_url: str, mint: TokenMint, **settings: str
) -> Iterator[Service]:
    """Run `query.reads` or `query.streams` until the end of the block, which begins when it is ready."""
    port = ports.choose([module], {})[module]
    env = {
        "REPLICA_URL": replica_url,
        "IDENTITY_DATABASE_URL": identity_beside(replica_url),
        "REDIS_URL": redis_url,
        "QUERY_PORT": str(port),
        "SSE_PORT": str(port),
        **_reading_tokens(folder, mint),
        **settings,
    }
    with _running(("-m", module), env) as process:
        service = Service(port, process)
        eventually(service.is_ready, f"{module} is ready")
        yield service


def _reading_tokens(folder: Path, mint: TokenMint, key_numbers: int = 1) -> dict[str, str]:
    (folder / "seed").write_text(_keys(SEED_KEY, 1))
    (folder / "receipts").write_text(_keys(RECEIPT_KEY, key_numbers))
    return {
        "JWKS_URL": mint.jwks.as_uri(),
        "SEED_KEY_FILE": str(folder / "seed"),
        "RECEIPT_KEYS_FILE": str(folder / "receipts"),
    }


def _keys(key: bytes, numbers: int) -> str:
    return json.dumps({str(number): key.hex() for number in range(1, numbers + 1)})


@contextlib.contextmanager
def _running(program: Sequence[str], env: Mapping[str, str]) -> Iterator[ServerProcess]:
    process = ServerProcess(lambda: [sys.executable, *program], '"serving"', {**os.environ, **env})
    with process.running():
        yield process
