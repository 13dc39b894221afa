"""GET /metrics of the program of synthetic votes, on a port of its own; with exemplars to who asks for OpenMetrics."""

import contextlib
from collections.abc import AsyncIterator

from aiohttp import web
from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder

CONNECTIONS_WAITING_MAX = 16
IDLE_S = 15.0


@contextlib.asynccontextmanager
async def metrics_page(host: str, port: int) -> AsyncIterator[None]:
    """Serve it until the end of the block; OSError where the port is taken."""
    app = web.Application(client_max_size=1024)
    app.router.add_get("/metrics", _metrics)
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=IDLE_S, handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=CONNECTIONS_WAITING_MAX).start()
        yield
    finally:
        await runner.cleanup()


async def _metrics(request: web.Request) -> web.Response:
    encoder, content_type = choose_encoder(request.headers.get("Accept", ""))
    return web.Response(body=encoder(REGISTRY), headers={"Content-Type": content_type})
