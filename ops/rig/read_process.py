"""A query or sse process of the caller's own, and tallies written to Redis as fanout writes them."""

import contextlib
import dataclasses
import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import redis

from contract.redis_keys import STANDINGS_CHANNEL, applied_key, tally_key
from contract.standings import AppliedPosition, SourceTally
from ops.embedded import ports
from ops.rig.eventually import eventually
from ops.rig.server_process import ServerProcess
from ops.rig.voting import RECEIPT_KEY, SEED_KEY, Event, TokenMint

AS_OF = "2026-01-01T20:15:00.000000Z"


@dataclasses.dataclass(frozen=True)
class ReadProcess:
    """A running query or sse process."""

    url: str
    process: ServerProcess


@contextlib.contextmanager
def read_process(
    module: str, folder: Path, replica_url: str, redis_url: str, mint: TokenMint, **settings: str
) -> Iterator[ReadProcess]:
    """Run `query.reads` or `query.streams` until the end of the block."""
    (folder / "seed").write_text(SEED_KEY.hex())
    (folder / "receipts").write_text(json.dumps({"1": RECEIPT_KEY.hex()}))
    port = ports.choose([module], {})[module]
    env = {
        **os.environ,
        "REPLICA_URL": replica_url,
        "REDIS_URL": redis_url,
        "QUERY_PORT": str(port),
        "SSE_PORT": str(port),
        "JWKS_URL": mint.jwks.as_uri(),
        "SEED_KEY_FILE": str(folder / "seed"),
        "RECEIPT_KEYS_FILE": str(folder / "receipts"),
        **settings,
    }
    process = ServerProcess(lambda: [sys.executable, "-m", module], '"serving"', env)
    process.start()
    try:
        eventually(lambda: _is_ready(f"http://127.0.0.1:{port}/ready"), f"{module} is ready")
        yield ReadProcess(f"http://127.0.0.1:{port}", process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _is_ready(url: str) -> bool:
    try:
        urllib.request.urlopen(url).close()  # our own
    except urllib.error.HTTPError:
        return False
    return True


class Tallies:
    """Stands where fanout stands: writes one source's tallies, publishes them, and says how far it is."""

    def __init__(self, redis_url: str, source: str = "main") -> None:
        self._client = redis.Redis.from_url(redis_url)
        self._source = source

    def write(
        self, event: Event, counts: Mapping[int, int], lsn: int = 100, status: str = "open", epoch: int = 1
    ) -> None:
        """An event's absolute counts at a position; the listener is alive."""
        tally = SourceTally(event.event_id, self._source, epoch, lsn, status, AS_OF, dict(counts))
        payload = msgspec.json.encode(tally)
        self._client.hset(tally_key(event.event_id, self._source), "payload", payload)
        self.applied(lsn)
        self._client.publish(STANDINGS_CHANNEL, payload)

    def applied(self, lsn: int, *, system_id: int = 7, timeline: int = 1, age_s: float = 0) -> None:
        """How far the source is counted, said `age_s` ago; kept alive by saying that it was in the future."""
        alive_at = time.time() - age_s if age_s else time.time() + 3600
        position = AppliedPosition(system_id, timeline, lsn, alive_at)
        self._client.set(applied_key(self._source), msgspec.json.encode(position))
