"""Python modules run as processes: by `python -m`, or forked from one process that has their libraries in memory.

    worker ─► forkserver (libraries imported, nothing else) ─► fork ─► runpy, as `python -m` does ─► exit

Most of what a service's start costs is importing libraries: the better part of a second of a processor, which a suite
that starts hundreds has no use for. Only libraries are imported before: modules of ours register metrics, and each
process has its own. What a fork hides: all of a worker's share one hash seed, and a library's submodule that ours
forgets to import may be there. Benches, the demo and the tests of the whole stack start processes as production does.
"""

import contextlib
import io
import logging
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from signal import Signals
from typing import IO

LIBRARIES = [
    "aiofiles",
    "aiohttp",
    "aiosmtplib",
    "altcha",
    "argon2",
    "asyncpg",
    "cryptography.hazmat.primitives.asymmetric.rsa",
    "cryptography.hazmat.primitives.ciphers.aead",
    "cryptography.hazmat.primitives.kdf.hkdf",
    "cryptography.hazmat.primitives.serialization",
    "disarm",
    "disposable_email_domains",
    "email_validator",
    "http.server",
    "jwt",
    "limits.aio.storage",
    "limits.aio.strategies",
    "maxminddb",
    "msgspec",
    "orjson",
    "prometheus_client",
    "psycopg.types.json",
    "psycopg_pool",
    "pyotp",
    "redis.asyncio",
    "sanic",
    "sanic.server.websockets.impl",
    "segno",
    "swagger_ui_bundle",
    "uvloop",
    "webauthn",
]
# What is forked; anything else is started by `python -m`.
FORKED = (
    "command",
    "command.identity",
    "command.votes.rules",
    "fanout",
    "ops.auditor",
    "ops.backups",
    "ops.backups.restore",
    "ops.backups.wal_receiver",
    "ops.migrate",
    "ops.operator",
    "query.reads",
    "query.streams",
)

_CONTEXT = multiprocessing.get_context("forkserver")
_asked: list[bool] = []


def fork_from_now_on() -> None:
    """Fork what can be forked, in this process and until it ends."""
    _CONTEXT.set_forkserver_preload(LIBRARIES)
    _asked.append(True)


class ForkedModule:
    """A module that runs as `__main__` of a fork; what it says comes from `stdout`. Like a Popen otherwise."""

    def __init__(self, module: str, arguments: Sequence[str], env: Mapping[str, str]) -> None:
        reading, writing = _CONTEXT.Pipe(duplex=False)
        words = (module, list(arguments), dict(env), writing)
        self._process = _CONTEXT.Process(target=_serve, args=words, daemon=True)
        self._process.start()
        writing.close()
        self.stdout: IO[str] | None = os.fdopen(os.dup(reading.fileno()), encoding="utf-8")
        reading.close()

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process.pid
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """How it ended, a signal as a negative number; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same."""
        return self._process.exitcode

    def wait(self, timeout: float) -> None:
        """Return when it has ended; raises TimeoutError when it doesn't in time (seconds)."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise TimeoutError(f"process {self.pid} goes on after {timeout} s")

    def send_signal(self, number: Signals) -> None:
        """Signal it, unless it has ended."""
        if self._process.exitcode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def start(words: list[str], env: Mapping[str, str] | None) -> "subprocess.Popen[str] | ForkedModule":
    """Start this command line in a session of its own; its output and its errors are one stream."""
    env = os.environ if env is None else env
    if _can_be_forked(words, env):
        return ForkedModule(words[2], words[3:], env)
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    return subprocess.Popen(words, env=env, stdout=pipe, stderr=both, text=True, start_new_session=True)


def run(words: list[str], env: Mapping[str, str], stdin: str = "") -> "subprocess.CompletedProcess[str]":
    """Run this command line with these words for it to read, and return when it has ended."""
    if not _can_be_forked(words, env):
        return subprocess.run(words, env=env, input=stdin, capture_output=True, text=True, check=False)
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder, name) for name in ("in", "out", "err")]
        streams[0].write_text(stdin)
        process = _CONTEXT.Process(target=_run, args=(words[2], words[3:], dict(env), streams))
        process.start()
        process.join()
        assert process.exitcode is not None
        return subprocess.CompletedProcess(words, process.exitcode, *(each.read_text() for each in streams[1:]))


def _can_be_forked(words: Sequence[str], env: Mapping[str, str]) -> bool:
    """Not if the interpreter itself is to be another one."""
    theirs, ours = ({name: value for name, value in each.items() if name[:6] == "PYTHON"} for each in (env, os.environ))
    return bool(_asked) and list(words[:2]) == [sys.executable, "-m"] and words[2] in FORKED and theirs == ours


def _serve(module: str, arguments: list[str], env: dict[str, str], output: Connection) -> None:
    os.setsid()
    for number in (1, 2):
        os.dup2(output.fileno(), number)
    output.close()
    _become(module, arguments, env)


def _run(module: str, arguments: list[str], env: dict[str, str], streams: Sequence[Path]) -> None:
    for number, (path, flags) in enumerate(zip(streams, (os.O_RDONLY, *[os.O_WRONLY | os.O_CREAT] * 2), strict=True)):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = io.TextIOWrapper(io.FileIO(0), encoding="utf-8")
    _become(module, arguments, env)


def _become(module: str, arguments: list[str], env: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(env)
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        logging.shutdown()  # a fork ends without what was registered for the interpreter's end: the last lines
