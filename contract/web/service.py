"""What every HTTP process is and does alike: one way to start and end, the error shape, trace ids, limits, metrics.

    read settings ─► open ─► work in the background, answer ─► SIGTERM ─► drain ─► last answers ─► close

Making a service opens nothing. Each answer carries X-Trace-Id; each error is written by the dialect of its path;
anything unforeseen is logged once, here, and answered 500. A wrong setting is one line and exit code 2; background work
that dies is exit code 1, after draining.
"""

import abc
import asyncio
import contextlib
import functools
import gc
import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Protocol

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest
from sanic import HTTPResponse, Request, Sanic
from sanic import exceptions as sanic_exceptions
from sanic.response import BaseHTTPResponse

from contract import errors
from contract.settings import SettingError
from contract.telemetry import log_to_stderr, trace_id_of
from contract.web.background import Background, Work
from contract.web.call import BODY_BYTES_MAX, LARGE_BODY_BYTES_MAX, add_routes
from contract.web.cors import OPEN_TO_BROWSERS, preflight_headers
from contract.web.dialect import dialect_of

HEADER_BYTES_MAX = 16 * 1024  # Sanic takes no more; the edge takes cookies off, which are what grows
HTTP_TIMEOUT_S = 15
KEEP_ALIVE_S = 75  # longer than the edge's, so that the edge never writes into a closing connection
GRACEFUL_STOP_S = 10
BACKLOG = 4096  # connections not accepted yet; the kernel drops what comes beyond, and a client tries after 1, 3, 7 s
SELDOM_GC_THRESHOLDS = (50_000, 20, 50)

log = logging.getLogger(__name__)

ANSWERS = Counter("http_answers", "Answers by route and status", ["route", "status"])


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
    log_to_stderr(name)
    try:
        service = build(os.environ)
    except SettingError as error:
        print(f"{name}: {error}", file=sys.stderr)  # noqa: T201  # for people, before there is anything to log
        return 2
    background = Background()
    app = make_app(name, service, background)
    # What is there now stays, and a request's objects die by their reference counts: look for cycles seldom.
    gc.freeze()
    gc.set_threshold(*service.gc_thresholds)
    host, port = service.listening.host, service.listening.port
    app.run(host=host, port=port, single_process=True, access_log=False, motd=False, backlog=BACKLOG)
    return 1 if background.died else 0


def make_app(name: str, service: Service, background: Background) -> Sanic[Any, Any]:
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
    app.register_middleware(_mark_answer, "response")
    app.exception(Exception)(_answer_error)
    _add_lifetime(app, service, background)
    _add_vitals(app, service)
    add_routes(app, *service.handlers)
    service.configure(app)
    return app


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> HTTPResponse:
    """A documented Struct, encoded; no cache keeps it unless its headers say otherwise."""
    headers = {"Cache-Control": "no-store", **(headers or {})}
    return HTTPResponse(msgspec.json.encode(content), status, headers=headers, content_type="application/json")


def trace_id(request: Request) -> str:
    """The request's trace id: its client's, or a new one, made when it is first asked for."""
    if not hasattr(request.ctx, "trace_id"):
        request.ctx.trace_id = trace_id_of(",".join(request.headers.getall("traceparent", ())))
    return str(request.ctx.trace_id)


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


def _add_vitals(app: Sanic[Any, Any], service: Service) -> None:
    async def ready(_request: Request) -> HTTPResponse:
        why_not = await service.why_not_ready()
        return answer({"ready": not why_not, "why_not": why_not}, 503 if why_not else 200)

    async def metrics(_request: Request) -> HTTPResponse:
        return HTTPResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)

    app.add_route(ready, "/ready", name="ready", methods=["GET", "HEAD"])
    app.add_route(metrics, "/metrics", name="metrics", methods=["GET", "HEAD"])


async def _mark_answer(request: Request, response: BaseHTTPResponse) -> None:
    response.headers["X-Trace-Id"] = trace_id(request)
    if request.method != "POST" or "origin" in request.headers:  # a POST without Origin comes from no browser
        response.headers.update(OPEN_TO_BROWSERS)
    _answers(request.route.name if request.route else "none", response.status).inc()


@functools.cache
def _answers(route: str, status: int) -> Counter:
    """One of a few dozen counters; looking it up by its labels costs more than counting."""
    return ANSWERS.labels(route, status)


async def _answer_error(request: Request, error: Exception) -> HTTPResponse:
    if isinstance(error, (errors.ContractError, sanic_exceptions.MethodNotAllowed, sanic_exceptions.NotFound)):
        await _pass_over_body(request)
    if request.method == "OPTIONS" and isinstance(error, sanic_exceptions.MethodNotAllowed):
        asked = request.headers.get("access-control-request-headers", "")
        return HTTPResponse(status=204, headers=preflight_headers(error.headers["Allow"], asked))
    failure = _translate(error, request)
    trace = trace_id(request)
    if failure.status >= 500 and failure.status != 503:
        log.error("unforeseen error", exc_info=error, extra={"trace_id": trace, "path": request.path})
    headers = _headers(failure, request)
    if isinstance(error, sanic_exceptions.MethodNotAllowed):
        headers["Allow"] = error.headers["Allow"]
    return answer(dialect_of(request.path).refusal(failure, trace), failure.status, headers)


async def _pass_over_body(request: Request) -> None:
    """Read what wasn't read of the body and keep none of it: so that the connection goes on, and Sanic is quiet."""
    stream: Any = request.stream
    if stream and stream.request_body:
        stream.request_max_size = _body_bytes_max(request)
        with contextlib.suppress(sanic_exceptions.SanicException):
            async for _ in stream:
                pass


def _body_bytes_max(request: Request) -> int:
    return int(getattr(request.route.ctx, "body_bytes_max", BODY_BYTES_MAX)) if request.route else BODY_BYTES_MAX


def _headers(failure: errors.ContractError, request: Request) -> dict[str, str]:
    """Headers that belong to a refusal in every dialect."""
    if isinstance(failure, errors.ResultsHidden):
        # A crowd that waits for results may be told so by a cache; who has a token asks for itself.
        return {"Cache-Control": "public, max-age=1", "Vary": "Authorization"}
    if failure.status in (429, 503):
        return {"Retry-After": str(failure.retry_after_s or 1)}
    if failure.status == 401:
        bad = isinstance(failure, errors.Unauthorized) and "authorization" in request.headers
        return {"WWW-Authenticate": 'Bearer realm="vote"' + (', error="invalid_token"' if bad else "")}
    return {}


_IN_OUR_WORDS: list[tuple[type[Exception], errors.ContractError]] = [
    (sanic_exceptions.MethodNotAllowed, errors.MethodNotAllowed()),
    (sanic_exceptions.NotFound, errors.NotFound("no such path")),
    (sanic_exceptions.ServiceUnavailable, errors.Busy()),  # the answer took longer than RESPONSE_TIMEOUT
]


def _translate(error: Exception, request: Request) -> errors.ContractError:
    if isinstance(error, errors.ContractError):
        return error
    if isinstance(error, sanic_exceptions.PayloadTooLarge):  # Sanic's one word for both
        if request.method == "NONE":  # there is no request yet
            return errors.HeadersTooLarge()
        large = _body_bytes_max(request) == LARGE_BODY_BYTES_MAX
        return errors.TooLarge(f"the body is larger than {'1 MiB' if large else '16 KiB'}")
    for theirs, ours in _IN_OUR_WORDS:
        if isinstance(error, theirs):
            return ours
    if isinstance(error, sanic_exceptions.SanicException) and 400 <= error.status_code < 500:
        return errors.InvalidBody(str(error))
    return errors.ContractError()
