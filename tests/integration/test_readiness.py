"""Ready means able to serve: who lags, stands still or hears nothing says so, and answers while it waits for others."""

import socket
import threading
import time
from pathlib import Path

import psycopg
import pytest

from fanout import vitals
from fanout.vitals import LIVE_WITHIN_S, Vitals
from fanout.wal_listener import WalListener
from ops.rig.database import Database
from ops.rig.eventually import eventually
from ops.rig.people import TokenMint
from ops.rig.service import read_process
from ops.rig.valkey import valkey


@pytest.mark.usefixtures("identity_database")
def test_streams_are_of_use_only_with_redis(tmp_path: Path, database: Database, mint: TokenMint) -> None:
    """A process of streams that doesn't hear Redis isn't ready, says why, and is again once Redis is back."""
    replica = database.url("vote_query")
    with (
        valkey(tmp_path / "valkey") as redis_server,
        read_process("query.streams", tmp_path, replica, redis_server.url, mint) as sse,
    ):
        redis_server.process.kill()
        eventually(lambda: not sse.is_ready(), "it says that it hears nothing")
        redis_server.process.start()
        eventually(sse.is_ready, "it hears Redis again")


def test_fanout_that_lags_or_stands_still_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the loop said last: a lag beyond the setting, or a loop that doesn't go on, is a reason."""
    clock, lag = [time.monotonic()], [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(vitals.LAG, "seconds", lambda _now: lag[0])
    health = Vitals(lag_max_s=3.0)
    assert health.why_not() == "starting"
    health.why_not_ready = ""
    assert health.why_not() == ""
    lag[0] = 4.0
    assert health.why_not() == "counting is 4.0 s late"
    clock[0] += 5
    assert health.why_not() == "counting has stood still for 5 s"
    assert health.is_alive
    clock[0] += LIVE_WITHIN_S
    assert not health.is_alive
    health.note_pass()
    lag[0] = 0.0
    assert (health.why_not(), health.is_alive) == ("", True)


def test_a_silent_server_holds_up_only_who_connects() -> None:
    """While the listener waits for a server that says nothing, other threads run: so /ready can say why."""
    said: list[str] = []

    def connect(port: int) -> None:
        try:
            WalListener(f"postgresql://vote_fanout@127.0.0.1:{port}/vote?sslmode=disable&gssencmode=disable", "test")
        except psycopg.OperationalError as error:
            said.append(str(error))

    with socket.create_server(("127.0.0.1", 0)) as server:
        connecting = threading.Thread(target=connect, args=[server.getsockname()[1]])
        connecting.start()
        accepted, _ = server.accept()
        with accepted:
            assert accepted.recv(1000)
    connecting.join()
    assert "timeout" not in said[0]  # this thread could answer, and hang up, before the other gave up
