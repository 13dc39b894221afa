"""A fanout process of the caller's own."""

import contextlib
import os
import signal
import sys
import urllib.error
from collections.abc import Iterator

from ops.embedded import ports
from ops.embedded.readiness import DIRECTLY
from ops.rig.eventually import eventually
from ops.rig.server_process import ServerProcess


class FanoutProcess(ServerProcess):
    """A `python -m fanout` of one source."""

    def __init__(self, database_url: str, redis_url: str, source: str = "main", **settings: str) -> None:
        self._port = ports.choose(["fanout"], {})["fanout"]
        self.slot = f"fanout_{source}"
        self.environment = {
            **os.environ,
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "FANOUT_PORT": str(self._port),
            "SOURCE_NAME": source,
            "SLOT_NAME": self.slot,
            **settings,
        }
        super().__init__(lambda: [sys.executable, "-m", "fanout"], '"serving"', self.environment)

    @property
    def url(self) -> str:
        """Where it answers, without a slash at its end."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def auditing(self) -> dict[str, str]:
        """The environment of `python -m ops.auditor --live` for what this one counts."""
        return {**self.environment, "LIVE_DATABASE_URL": self.environment["DATABASE_URL"]}

    @contextlib.contextmanager
    def running(self, *, ready: bool = True) -> Iterator["FanoutProcess"]:
        """Run until the end of the block, by default from when it publishes."""
        try:
            self.start()
            if ready:
                eventually(self.is_ready, "fanout is ready")
            yield self
        finally:
            self.send_signal(signal.SIGCONT)
            self.stop()

    def is_ready(self) -> bool:
        """Whether it publishes all that it counts."""
        return self.get("/ready")[0] == 200

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of its own port."""
        try:
            with DIRECTLY.open(f"{self.url}{path}") as response:  # our own
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
