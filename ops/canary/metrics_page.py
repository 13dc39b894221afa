"""GET /metrics of the program of synthetic votes, on a port of its own."""

import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from contract import metering

BODY_BYTES_MAX = 1024
CONNECTIONS_WAITING_MAX = 16
IDLE_S = 15.0


@contextlib.asynccontextmanager
async def metrics_page(host: str, port: int) -> AsyncIterator[None]:
    """Serve it until the end of the block; OSError where the port is taken."""
    app = web.Application(client_max_size=BODY_BYTES_MAX)
    app.router.add_get("/metrics", _metrics)
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=IDLE_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=CONNECTIONS_WAITING_MAX).start()
        metering.READY.set(1)
        yield
    finally:
        await runner.cleanup()


async def _metrics(request: web.Request) -> web.Response:
    body, content_type = metering.exposition(request.headers.get("Accept"))
    return web.Response(body=body, headers={"Content-Type": content_type})
