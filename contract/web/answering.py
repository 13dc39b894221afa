"""Answers: a documented Struct, encoded; a refusal, in the dialect of its path; and what both carry.

Each answer carries X-Trace-Id, and leaves a span if it is traced; anything unforeseen is logged once, here, and
answered 500.
"""

import asyncio
import contextlib
import logging
import re
import time
from typing import Any

import msgspec
from prometheus_client import Gauge
from sanic import HTTPResponse, Request
from sanic import exceptions as sanic_exceptions
from sanic.http import Stage
from sanic.response import BaseHTTPResponse

from contract import errors, metric_names
from contract.tracing import TRACER, Attributes, Incoming, trace_id_of
from contract.web.access_log import route_of
from contract.web.answer_metrics import answers_of
from contract.web.call import BODY_BYTES_MAX, LARGE_BODY_BYTES_MAX
from contract.web.cors import preflight_headers
from contract.web.dialect import dialect_of

log = logging.getLogger(__name__)

REFUSED_HEAD_BYTES_MAX = 128 * 1024  # more than the edge passes on
REFUSED_HEAD_PATIENCE_S = 5  # in all, for what the edge sends at once

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

INSIDE = Gauge(metric_names.HTTP_INSIDE, "Requests whose answer hasn't begun, without the scrape's own")


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> HTTPResponse:
    """A documented Struct, encoded; no cache keeps it unless its headers say otherwise."""
    headers = {"Cache-Control": "no-store", **(headers or {})}
    return HTTPResponse(msgspec.json.encode(content), status, headers=headers, content_type="application/json")


def trace_of(request: Request) -> Incoming:
    """The request's place in its client's trace, or in a new one; decided when it is first asked for."""
    if not hasattr(request.ctx, "trace"):
        given = ",".join(request.headers.getall("traceparent", ()))
        request.ctx.trace = (
            TRACER.admit(given, seconds_since_arrival(request)) if TRACER.on else Incoming(trace_id_of(given))
        )
    trace: Incoming = request.ctx.trace
    return trace


def trace_id(request: Request) -> str:
    """The request's trace id: its client's, or a new one."""
    return trace_of(request).trace_id


def name_trace(record: logging.LogRecord) -> bool:
    """Put the trace id of the request that is being answered on a line of the log; a filter that lets all pass."""
    if not hasattr(record, "trace_id") and (request := Request._current.get(None)):  # noqa: SLF001  # or it raises
        record.trace_id = trace_id(request)
    return True


async def mark_answer(request: Request, response: BaseHTTPResponse) -> None:
    """Put on each answer what all of them carry, trace it, and log some; a middleware."""
    _mark(request, response, seconds_since_arrival(request))


async def mark_and_measure_answer(request: Request, response: BaseHTTPResponse) -> None:
    """Put on each answer what all of them carry, count and time it; a middleware."""
    seconds = seconds_since_arrival(request)
    _mark(request, response, seconds)
    _measure(request, response.status, seconds)


def measure_answer(request: Request, status: int) -> None:
    """Count and time an answer that begins now; a path that no call has, or not by this method, is of route none."""
    _measure(request, status, seconds_since_arrival(request))


def _mark(request: Request, response: BaseHTTPResponse, seconds: float) -> None:
    trace = trace_of(request)
    response.headers["X-Trace-Id"] = trace.trace_id
    if TRACER.on and TRACER.wants(trace, response.status):
        _leave_span(request, trace, response.status)
        request.ctx.trace = trace._replace(sampled=True)  # there is a trace to be had by its id
    if request.method != "POST" or "origin" in request.headers:  # a POST without Origin comes from no browser
        request.app.ctx.cors.mark(request.headers.get("origin"), response.headers)
    request.app.ctx.access.note(request, response.status, seconds)


def _measure(request: Request, status: int, seconds: float) -> None:
    route = request.route
    answers_of(route.name if route else "none", status).observe(seconds, trace_of(request).exemplar)


def _leave_span(request: Request, trace: Incoming, status: int) -> None:
    path = f"/{request.route.path}" if request.route else "no path"  # as it is declared, whatever was sent
    about: Attributes = {"http.request.method": request.method, "http.route": path, "http.response.status_code": status}
    TRACER.answered(trace, f"{request.method} {path}", about, is_error=status >= 500)


def seconds_since_arrival(request: Request) -> float:
    """Since its last bytes came, waiting for the event loop included; before its answer begins."""
    protocol: Any = request.protocol
    return time.monotonic() - float(protocol._time)  # noqa: SLF001  # Sanic notes it in any case, so it costs nothing


def requests_inside(request: Request) -> int:
    """How many requests of this server, besides this one, wait for the beginning of their answer; WebSockets don't."""
    protocol: Any = request.protocol
    https = [connection.http for connection in protocol.connections if connection.http]
    return sum(http.stage is Stage.HANDLER and not http.upgrade_websocket for http in https) - 1


_NOT_LET_IN = (errors.Unauthorized, errors.BadCredentials, errors.Forbidden, errors.NotYours)


async def answer_error(request: Request, error: Exception) -> HTTPResponse:
    """The refusal that an error is, or a 500; Sanic's handler of all exceptions."""
    if isinstance(error, (errors.ContractError, sanic_exceptions.MethodNotAllowed, sanic_exceptions.NotFound)):
        await _pass_over_body(request)
    if request.method == "OPTIONS" and isinstance(error, sanic_exceptions.MethodNotAllowed):
        asked = request.headers.get("access-control-request-headers", "")
        return HTTPResponse(status=204, headers=preflight_headers(_allowed(error, request), asked))
    failure = _translate(error, request)
    if isinstance(failure, errors.HeadersTooLarge):
        await _pass_over_head(request)
    trace = trace_id(request)
    if failure.status >= 500 and failure.status != 503:
        log.error("unforeseen error", exc_info=error, extra={"route": route_of(request)})
    elif isinstance(failure, _NOT_LET_IN):
        log.info("not let in", extra={"code": failure.code, "route": route_of(request)})
    headers = _headers(failure, request)
    if isinstance(error, sanic_exceptions.MethodNotAllowed):
        headers["Allow"] = _allowed(error, request)
    dialect = dialect_of(_path_of(request))
    return answer(dialect.refusal(failure, trace), dialect.said_of(failure)[0], headers)


def _path_of(request: Request) -> str:
    """The path that was asked for; of a head that Sanic refused before there was a request, what its first line has."""
    if request.method != "NONE":
        return request.path
    stream: Any = request.stream
    line = re.match(rb"[!-~]+ (/[!-~]*)", stream.recv_buffer) if stream else None
    return line[1].decode("ascii") if line else request.path


async def _pass_over_head(request: Request) -> None:
    """Take what still comes of a head that is too large, and its body, before answering.

    Whoever sends it, the edge, might find the connection closed before it reads the answer, and say 502 (it did).
    """
    stream: Any = request.stream
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(REFUSED_HEAD_PATIENCE_S):
            while _is_under_way(stream.recv_buffer):
                await stream._receive_more()  # noqa: SLF001  # Sanic has no other way to read before there is a request


def _is_under_way(received: bytearray) -> bool:
    head_end = received.find(b"\r\n\r\n")
    if head_end < 0:
        return len(received) < REFUSED_HEAD_BYTES_MAX
    announced = re.search(rb"\r\ncontent-length: *(\d{1,9})\r\n", received[: head_end + 2], re.IGNORECASE)
    body_bytes = min(int(announced[1]), LARGE_BODY_BYTES_MAX) if announced else 0
    return len(received) < head_end + 4 + body_bytes


async def _pass_over_body(request: Request) -> None:
    """Read what wasn't read of the body and keep none of it: so that the connection goes on, and Sanic is quiet."""
    stream: Any = request.stream
    if stream and stream.request_body:
        stream.request_max_size = _body_bytes_max(request)
        with contextlib.suppress(sanic_exceptions.SanicException):
            async for _ in stream:
                pass


def _allowed(error: sanic_exceptions.MethodNotAllowed, request: Request) -> str:
    """The methods that a path takes; where it has several calls with parameters, Sanic doesn't say them."""
    methods = [method for method in METHODS if "Allow" not in error.headers and _takes(request, method)]
    return str(error.headers.get("Allow", ", ".join(methods)))


def _takes(request: Request, method: str) -> bool:
    with contextlib.suppress(sanic_exceptions.MethodNotAllowed):
        request.app.router.get(request.path, method, request.headers.get("host"))
        return True
    return False


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
