"""Waiting until something answers: asked again and again, bounded, with a line that says what didn't come."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable

import psycopg
import redis

from ops.embedded.refusal import CannotStart

ASK_EVERY_S = 0.1
# Our own addresses: whatever proxy the environment names is for others.
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def wait_until(why_not: Callable[[], str], within_s: float) -> None:
    """Return once `why_not` gives ""; raises CannotStart with its last answer."""
    deadline = time.monotonic() + within_s
    while reason := why_not():
        if time.monotonic() > deadline:
            raise CannotStart(reason)
        time.sleep(ASK_EVERY_S)


def postgres(url: str) -> str:
    """Why this Postgres doesn't take connections, or ""."""
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError as error:
        return f"can't connect to Postgres: {str(error).strip().splitlines()[-1]}"
    return ""


def redis_server(url: str) -> str:
    """Why this Redis doesn't answer, or ""."""
    try:
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        return f"can't use Redis: {error}"
    return ""


def service(name: str, port: int, log: object) -> str:
    """Why this service isn't ready, or ""."""
    try:
        with DIRECTLY.open(f"http://127.0.0.1:{port}/ready", timeout=5):
            return ""
    except urllib.error.HTTPError as error:
        reason = error.read(200).decode(errors="replace")
    except OSError as error:
        reason = str(error)
    return f"{name} is not ready ({reason}); its log is {log}"


def page(url: str) -> str:
    """Why there is no page at this address, or ""."""
    try:
        DIRECTLY.open(url, timeout=5).close()
    except OSError as error:
        return str(error)
    return ""


def edge(url: str, log: object) -> str:
    """Why the edge doesn't answer, or ""; any answer of its own will do."""
    try:
        DIRECTLY.open(url, timeout=5).close()
    except urllib.error.HTTPError:
        return ""
    except OSError as error:
        return f"the edge doesn't answer ({error}); its log is {log}"
    return ""
