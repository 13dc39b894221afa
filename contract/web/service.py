"""What every HTTP process does alike: the error envelope, trace ids, limits, readiness and metrics.

`make_service` opens nothing. Each answer carries X-Trace-Id; each error has the one shape of
contract/errors.py; anything unforeseen is logged once, here, and answered 500.
"""

import functools
import gc
import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest
from sanic import HTTPResponse, Request, Sanic
from sanic import exceptions as sanic_exceptions
from sanic.response import BaseHTTPResponse

from contract import errors
from contract.telemetry import trace_id_of
from contract.web.cors import OPEN_TO_BROWSERS, preflight_headers

BODY_BYTES_MAX = 16 * 1024
HTTP_TIMEOUT_S = 15
KEEP_ALIVE_S = 75  # longer than the edge's, so that the edge never writes into a closing connection
GRACEFUL_STOP_S = 10
BACKLOG = 4096  # connections not accepted yet; the kernel drops what comes beyond, and a client tries after 1, 3, 7 s
SELDOM_GC_THRESHOLDS = (50_000, 20, 50)

log = logging.getLogger(__name__)

ANSWERS = Counter("http_answers", "Answers by route and status", ["route", "status"])
Readiness = Callable[[], Awaitable[str]]


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> HTTPResponse:
    """A JSON answer; no cache keeps it unless its headers say otherwise."""
    headers = {"Cache-Control": "no-store", **(headers or {})}
    return HTTPResponse(orjson.dumps(content), status, headers=headers, content_type="application/json")


def make_service(name: str, why_not_ready: Readiness) -> Sanic[Any, Any]:
    """A Sanic app with the parts that all services share; `why_not_ready` gives "" when it may take traffic."""
    app: Sanic[Any, Any] = Sanic(name, configure_logging=False, error_handler=None, strict_slashes=False)
    app.config.update(
        REQUEST_MAX_SIZE=BODY_BYTES_MAX,
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

    async def ready(_request: Request) -> HTTPResponse:
        why_not = await why_not_ready()
        return answer({"ready": not why_not, "why_not": why_not}, 503 if why_not else 200)

    async def metrics(_request: Request) -> HTTPResponse:
        return HTTPResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)

    async def say_serving(_app: Sanic[Any, Any]) -> None:
        log.info("serving")

    app.after_server_start(say_serving)
    app.add_route(ready, "/ready", name="ready")
    app.add_route(metrics, "/metrics", name="metrics")
    return app


def trace_id(request: Request) -> str:
    """The request's trace id: its client's, or a new one, made when it is first asked for."""
    if not hasattr(request.ctx, "trace_id"):
        request.ctx.trace_id = trace_id_of(request.headers.get("traceparent"))
    return str(request.ctx.trace_id)


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
    if request.method == "OPTIONS" and isinstance(error, sanic_exceptions.MethodNotAllowed):
        return HTTPResponse(status=204, headers=preflight_headers(error.headers["Allow"]))
    failure = _translate(error)
    trace = trace_id(request)
    if failure.status >= 500 and failure.status != 503:
        log.error("unforeseen error", exc_info=error, extra={"trace_id": trace, "path": request.path})
    headers = failure.headers()
    if isinstance(error, sanic_exceptions.MethodNotAllowed):
        headers["Allow"] = error.headers["Allow"]
    return answer(failure.body(trace), failure.status, headers)


_IN_OUR_WORDS: list[tuple[type[Exception], errors.ContractError]] = [
    (sanic_exceptions.PayloadTooLarge, errors.TooLarge()),
    (sanic_exceptions.MethodNotAllowed, errors.MethodNotAllowed()),
    (sanic_exceptions.NotFound, errors.NotFound("no such path")),
    (sanic_exceptions.ServiceUnavailable, errors.Busy()),  # the answer took longer than RESPONSE_TIMEOUT
]


def _translate(error: Exception) -> errors.ContractError:
    if isinstance(error, errors.ContractError):
        return error
    for theirs, ours in _IN_OUR_WORDS:
        if isinstance(error, theirs):
            return ours
    if isinstance(error, sanic_exceptions.SanicException) and 400 <= error.status_code < 500:
        return errors.InvalidBody(str(error))
    return errors.ContractError()


def serve(
    app: Sanic[Any, Any], host: str, port: int, gc_thresholds: tuple[int, int, int] = SELDOM_GC_THRESHOLDS
) -> None:
    """Run this app in this process until SIGTERM or SIGINT."""
    # What is there now stays, and a request's objects die by their reference counts: look for cycles seldom.
    gc.freeze()
    gc.set_threshold(*gc_thresholds)
    app.run(host=host, port=port, single_process=True, access_log=False, motd=False, backlog=BACKLOG)


def uuid_in_path(text: str, field: str) -> uuid.UUID:
    """A UUID from the path; malformed is `InvalidField`, which names the field."""
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise errors.InvalidField(f"{field} must be a UUID", field=field) from error
