"""What every HTTP process is and does alike: one way to start and end, limits, readiness, metrics.

    read settings ─► open ─► work in the background, answer ─► SIGTERM ─► drain ─► last answers ─► close

Making a service opens nothing. A wrong setting is one line and exit code 2; background work that dies is exit code 1,
after draining.
"""

import abc
import asyncio
import gc
import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Protocol

from sanic import HTTPResponse, Request, Sanic

from contract import metering, settings, tracing
from contract.log_settings import AccessLog, Logs
from contract.readiness import Liveness, readiness
from contract.shown_settings import RememberingEnvironment
from contract.telemetry import log_start, start_logging
from contract.trace_settings import Tracing
from contract.web.access_log import AccessLogger
from contract.web.answering import (
    INSIDE,
    answer,
    answer_error,
    mark_and_measure_answer,
    mark_answer,
    name_trace,
    requests_inside,
)
from contract.web.background import Background, Work
from contract.web.call import BODY_BYTES_MAX, add_routes
from contract.web.cors import Cors

HEADER_BYTES_MAX = 16 * 1024  # Sanic takes no more; the edge takes cookies off, which are what grows
HTTP_TIMEOUT_S = 15
KEEP_ALIVE_S = 75  # longer than the edge's, so that the edge never writes into a closing connection
GRACEFUL_STOP_S = 10
BACKLOG = 4096  # connections not accepted yet; the kernel drops what comes beyond, and a client tries after 1, 3, 7 s
SELDOM_GC_THRESHOLDS = (50_000, 20, 50)
READY_WITHIN_S = 1

log = logging.getLogger(__name__)


class Address(Protocol):
    """Where a process listens."""

    @property
    def host(self) -> str:
        """A name or address of this machine."""

    @property
    def port(self) -> int:
        """A TCP port."""


class Service(abc.ABC):
    """One HTTP process. A subclass is its composition root: made from the environment, it holds all that is opened."""

    handler_types: ClassVar[tuple[type, ...]]  # they declare the calls
    listening: Address
    handlers: tuple[object, ...]  # one of each
    gc_thresholds: ClassVar[tuple[int, int, int]] = SELDOM_GC_THRESHOLDS

    @abc.abstractmethod
    async def why_not_ready(self) -> str:
        """The reason why no traffic should come here, or "" ."""

    @abc.abstractmethod
    async def open(self) -> None:
        """Start connecting; waits for nothing, since whatever is needed may come later."""

    def work(self) -> Iterable[Work]:
        """What goes on in the background from `open` to `close`."""
        return ()

    def configure(self, app: Sanic[Any, Any]) -> None:  # noqa: B027  # most need nothing
        """Set what this service alone needs of Sanic."""

    async def end_streams(self) -> None:  # noqa: B027  # most have none
        """End what would go on for ever, before Sanic waits for the last answers."""

    async def drain(self) -> None:  # noqa: B027  # most have nothing left by then
        """After the last answer, before the background work is cancelled: finish what was taken."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Let go of everything."""


def run_service(name: str, build: Callable[[Mapping[str, str]], Service]) -> int:
    """Serve in this process until SIGTERM or SIGINT; the exit code."""
    env = RememberingEnvironment(os.environ)
    try:
        start_logging(name, settings.read(Logs, env), name_trace)
        traces = settings.read(Tracing, env)
        service = build(env)
        cors = Cors(settings.read(settings.CrossOrigin, env).readers)
        access = AccessLogger(settings.read(AccessLog, env))
        measuring = settings.read(settings.Metering, env).on
    except settings.SettingError as error:
        print(f"{name}: {error}", file=sys.stderr)  # noqa: T201  # for people, before there is anything to log
        return 2
    log_start(env)
    tracing.start(name, traces)
    background = Background()
    metering.introduce(name, measuring=measuring)
    app = make_app(name, service, background, cors, access, measuring=measuring)
    # What is there now stays, and a request's objects die by their reference counts: look for cycles seldom.
    gc.freeze()
    gc.set_threshold(*service.gc_thresholds)
    host, port = service.listening.host, service.listening.port
    app.run(host=host, port=port, single_process=True, access_log=False, motd=False, backlog=BACKLOG)
    tracing.TRACER.stop()
    return 1 if background.died else 0


def make_app(
    name: str, service: Service, background: Background, cors: Cors, access: AccessLogger, *, measuring: bool = True
) -> Sanic[Any, Any]:
    """The Sanic app around a service."""
    app: Sanic[Any, Any] = Sanic(name, configure_logging=False, error_handler=None, strict_slashes=False)
    app.config.update(
        REQUEST_MAX_SIZE=BODY_BYTES_MAX,
        REQUEST_MAX_HEADER_SIZE=HEADER_BYTES_MAX,
        REQUEST_TIMEOUT=HTTP_TIMEOUT_S,
        RESPONSE_TIMEOUT=HTTP_TIMEOUT_S,
        KEEP_ALIVE_TIMEOUT=KEEP_ALIVE_S,
        GRACEFUL_SHUTDOWN_TIMEOUT=GRACEFUL_STOP_S,
        ACCESS_LOG=False,
        FALLBACK_ERROR_FORMAT="json",
        PROXIES_COUNT=0,
        AUTO_EXTEND=False,  # sanic-ext would add its injection, CORS and documentation pages to each request's way
    )
    app.ctx.cors = cors
    app.ctx.access = access
    app.register_middleware(mark_and_measure_answer if measuring else mark_answer, "response")
    app.exception(Exception)(answer_error)
    _add_lifetime(app, service, background)
    _add_readiness(app, service)
    if measuring:
        _add_metrics(app, service)
    add_routes(app, *service.handlers)
    service.configure(app)
    return app


def _add_lifetime(app: Sanic[Any, Any], service: Service, background: Background) -> None:
    async def start(_app: Sanic[Any, Any]) -> None:
        await service.open()

    async def go_on() -> None:
        # Sanic starts in several runs of its loop; a SIGTERM between two of them is lost (tried). So the work, whose
        # death sends one, begins in the last run, and only then are others told that this process serves.
        while not app.state.is_running:  # noqa: ASYNC110  # Sanic has no event for it; the loop goes round a few times
            await asyncio.sleep(0)
        background.start(service.work())
        log.info("serving")

    async def after_start(_app: Sanic[Any, Any]) -> None:
        app.add_task(go_on())

    async def end_streams(_app: Sanic[Any, Any]) -> None:
        await service.end_streams()

    async def stop(_app: Sanic[Any, Any]) -> None:
        await service.drain()
        await background.stop()
        await service.close()

    app.before_server_start(start)
    app.after_server_start(after_start)
    app.before_server_stop(end_streams)
    app.after_server_stop(stop)


def _add_readiness(app: Sanic[Any, Any], service: Service) -> None:
    async def ready(_request: Request) -> HTTPResponse:
        status, content = readiness(await service.why_not_ready())
        return answer(content, status)

    async def live(_request: Request) -> HTTPResponse:
        return answer(Liveness(alive=True))  # the event loop turns

    app.add_route(live, "/live", name="live", methods=["GET", "HEAD"])
    app.add_route(ready, "/ready", name="ready", methods=["GET", "HEAD"])


def _add_metrics(app: Sanic[Any, Any], service: Service) -> None:
    async def metrics(request: Request) -> HTTPResponse:
        metering.READY.set(await _is_ready(service))
        INSIDE.set(requests_inside(request))
        body, content_type = metering.exposition(request.headers.get("accept"))
        return HTTPResponse(body, content_type=content_type)

    app.add_route(metrics, "/metrics", name="metrics", methods=["GET", "HEAD"])


async def _is_ready(service: Service) -> bool:
    """Whether it is ready, and says so at once: a scrape waits for no database that is away."""
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            return not await service.why_not_ready()
    except TimeoutError:
        return False
