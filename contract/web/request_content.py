"""What a request says: bodies decoded and checked in one step, ids of paths; each bad field named, never a 500."""

import functools
import re
import uuid
from typing import Any, TypeVar

import msgspec
from sanic import Request

from contract.errors import InvalidBody, InvalidField, MissingField, NotJson

Body = TypeVar("Body", bound=msgspec.Struct)

_MISSING = re.compile(r"Object missing required field `([^`]+)`")
_PATH = re.compile(r" - at `\$\.?([^`]*)`$")


def json_body(request: Request, kind: type[Body]) -> Body:
    """The body of a request as this kind of Struct; raises `NotJson` for another Content-Type, and as `decode`."""
    media_type = request.headers.get("content-type", "").partition(";")[0]
    if media_type.strip().lower() != "application/json":
        raise NotJson
    return decode(kind, request.body)


def decode(kind: type[Body], body: bytes) -> Body:
    """The typed body; raises `InvalidBody`, `MissingField` or `InvalidField` with the field's path."""
    try:
        content: Body = _decoder(kind).decode(body)
    except msgspec.ValidationError as error:
        raise _named(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidBody(f"the body is not JSON: {error}") from error
    return content


def uuid_of(text: str, field: str) -> uuid.UUID:
    """A UUID from a path or query; malformed is `InvalidField`, which names the field."""
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise InvalidField(f"{field} must be a UUID", field=field) from error


@functools.cache
def _decoder(kind: type) -> "msgspec.json.Decoder[Any]":
    """Made once for each kind, since making one costs more than decoding with it."""
    return msgspec.json.Decoder(kind)


def _named(message: str) -> InvalidBody | InvalidField | MissingField:
    path = _PATH.search(message)
    inside = path.group(1) if path else ""
    reason = message[: path.start()] if path else message
    missing = _MISSING.match(message)
    if missing:
        field = f"{inside}.{missing.group(1)}".lstrip(".")
        return MissingField(f"{field} is missing", field=field)
    if not inside:
        return InvalidBody(reason)
    return InvalidField(f"{inside}: {reason}", field=inside)
