"""A Redis that does all it is asked, and whose answers to one command never come: as from one that is late."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

CHUNK_BYTES = 64 * 1024


@contextlib.contextmanager
def mute_redis(url: str, command: bytes) -> Iterator[str]:
    """The address of one before that of `url`, for as long as the block lasts.

    A connection by which `command` came says nothing more.
    """
    started: queue.SimpleQueue[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]] = queue.SimpleQueue()
    parts = urlsplit(url)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_redis, to_redis = await asyncio.open_connection(parts.hostname, parts.port)
        is_mute = False

        async def answer() -> None:
            while said := await from_redis.read(CHUNK_BYTES):
                if not is_mute:
                    writer.write(said)

        answering = asyncio.create_task(answer())
        with contextlib.suppress(OSError, asyncio.CancelledError):  # the test is over
            while asked := await reader.read(CHUNK_BYTES):
                is_mute = is_mute or command in asked
                to_redis.write(asked)
        answering.cancel()
        to_redis.close()
        writer.close()

    async def serve() -> None:
        server, over = await asyncio.start_server(relay, "127.0.0.1", 0), asyncio.Event()
        started.put((asyncio.get_running_loop(), over, server.sockets[0].getsockname()[1]))
        await over.wait()
        server.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    loop, over, port = started.get()
    try:
        yield parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}").geturl()
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
