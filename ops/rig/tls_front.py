"""TLS before a server that has none: clients get in by it or not at all, and the server behind sees plain connections.

    client ──TLS──► front ──plain──► Postgres or Redis

Postgres' clients ask for TLS first (SSLRequest), and are answered as a server with only `hostssl` lines answers. What
comes to cancel a statement is let through without it, as Postgres does. Run as a program it is the front itself: a
process of its own, since libpq lets no other thread run while it connects.
"""

import asyncio
import contextlib
import os
import ssl
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import trustme

from ops.embedded import ports
from ops.rig.server_process import ServerProcess

_CANCEL, _SSL, _GSS = 80_877_102, 80_877_103, 80_877_104
CHUNK_BYTES = 64 * 1024
REFUSED, LET_IN = "refused", "let in"


class Authority:
    """Signs certificates; `file` is its own, as clients need it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "authority.pem"
        self._folder = folder
        self._signer = trustme.CA()
        self._signer.cert_pem.write_to_path(str(self.file))

    def certificate(self, name: str) -> Path:
        """A certificate of this name with its key, for a server."""
        path = self._folder / f"{name}.pem"
        self._signer.issue_cert(name).private_key_and_cert_chain_pem.write_to_path(str(path))
        return path


@dataclass(frozen=True)
class TlsFront:
    """A running front of a Postgres or a Redis, at a port of 127.0.0.1."""

    port: int
    process: ServerProcess

    def before(self, url: str, **parameters: str) -> str:
        """The same database through this front, with these parameters."""
        parts = urlsplit(url)
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        scheme = parts.scheme.replace("redis", "rediss")
        address = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{self.port}"
        return urlunsplit(parts._replace(scheme=scheme, netloc=address, query=query))

    def count(self, outcome: str) -> int:
        """How often somebody was REFUSED or LET_IN."""
        return sum(line.strip() == outcome for line in self.process.said())


@contextlib.contextmanager
def tls_front(url: str, certificate: Path) -> Iterator[TlsFront]:
    """Run one before the server of `url` until the end of the block."""
    port, server = ports.choose(["front"], {})["front"], urlsplit(url)
    words = [sys.executable, "-m", "ops.rig.tls_front", server.scheme, str(server.port), str(port), str(certificate)]
    with ServerProcess(lambda: words, "listening", {**os.environ, "PYTHONUNBUFFERED": "1"}).running() as process:
        yield TlsFront(port, process)


async def _serve(scheme: str, server_port: int, port: int, certificate: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            first = await _begin(reader, writer) if scheme == "postgresql" else b""
            if first == b"":
                await writer.start_tls(context)
                first = await reader.read(CHUNK_BYTES)  # nothing from a client that doesn't trust us
            if first:
                print(LET_IN)
                await _pass_on(first, reader, writer, server_port)
                return
        print(REFUSED)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    print("listening")
    async with server:
        await server.serve_forever()


async def _begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
    """Negotiate as Postgres does; what is to be passed on at once, or None for who doesn't want TLS."""
    while True:
        length = await reader.readexactly(4)
        rest = await reader.readexactly(struct.unpack("!I", length)[0] - 4)
        (code,) = struct.unpack_from("!I", rest)
        if code == _SSL:
            writer.write(b"S")
            return b""
        if code == _CANCEL:
            return length + rest
        if code != _GSS:
            return None
        writer.write(b"N")


async def _pass_on(first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server_port: int) -> None:
    server_reader, server_writer = await asyncio.open_connection("127.0.0.1", server_port)
    server_writer.write(first)
    with contextlib.suppress(OSError):
        await asyncio.gather(_pump(reader, server_writer), _pump(server_reader, writer))


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while chunk := await source.read(CHUNK_BYTES):
            target.write(chunk)
            await target.drain()
    finally:
        target.close()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
