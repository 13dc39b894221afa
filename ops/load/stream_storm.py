"""Viewers who come back at once when their server dies, in a process of their own."""

import asyncio
import multiprocessing.context
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

import uvloop

ALL_WITHIN_S = 120
AGAIN_AFTER_S = 0.25  # far sooner than a browser; `retry` in our streams says 1 to 4 s
_VERSION = re.compile(rb'"version":(\d+)')


@dataclass
class Outcome:
    """When half and all of the viewers had the version, in seconds since they lost their server."""

    half_s: float = 0.0
    all_s: float = 0.0
    refused: int = 0
    statuses: dict[int, int] = field(default_factory=dict)


class Storm:
    """Begins when all viewers have a first frame."""

    def __init__(self, context: multiprocessing.context.SpawnContext, port: int, path: str, viewers: int) -> None:
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(theirs, port, path, viewers))

    def __enter__(self) -> Self:
        self._process.start()
        self._pipe.recv()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()

    def wait_until_all_have(self, version: int) -> Outcome:
        """Return when each viewer has this version or a newer one."""
        self._pipe.send(version)
        assert self._pipe.poll(ALL_WITHIN_S), "not all came back"
        outcome: Outcome = self._pipe.recv()
        return outcome


def _run(pipe: Any, port: int, path: str, viewers: int) -> None:
    uvloop.run(_Viewers(pipe, port, path, viewers).run())


class _Viewers:
    def __init__(self, pipe: Any, port: int, path: str, viewers: int) -> None:
        self._pipe = pipe
        self._port = port
        self._request = f"GET {path} HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n".encode()
        self._versions = [0] * viewers
        self._lost_at = 0.0
        self._statuses: Counter[int] = Counter()
        self._refused = 0
        self._progress = asyncio.Event()

    async def run(self) -> None:
        """Connect all, say so, then wait for the version that is asked for."""
        tasks = [asyncio.create_task(self._view(number)) for number in range(len(self._versions))]
        await self._until(len(tasks), 1)
        self._statuses.clear()
        self._refused = 0
        self._pipe.send("all see")
        wanted = await asyncio.to_thread(self._pipe.recv)
        half_s = await self._until(len(tasks) // 2, wanted)
        all_s = await self._until(len(tasks), wanted)
        self._pipe.send(Outcome(half_s, all_s, self._refused, dict(self._statuses)))

    async def _until(self, viewers: int, version: int) -> float:
        while sum(each >= version for each in self._versions) < viewers:
            self._progress.clear()
            await self._progress.wait()
            await asyncio.sleep(0.02)
        return time.monotonic() - self._lost_at

    async def _view(self, number: int) -> None:
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=8192)
            except OSError:
                self._refused += 1
                await asyncio.sleep(AGAIN_AFTER_S)
                continue
            try:
                await self._read(number, reader, writer)
            except (OSError, ValueError, asyncio.IncompleteReadError):
                self._lost_at = self._lost_at or time.monotonic()
            writer.close()
            await asyncio.sleep(AGAIN_AFTER_S)

    async def _read(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._request)
        status = int((await reader.readuntil(b"\r\n"))[9:12])
        self._statuses[status] += 1
        if status != 200:
            return
        while line := await reader.readuntil(b"\n"):
            if found := _VERSION.search(line):
                self._versions[number] = int(found[1])
                self._progress.set()
