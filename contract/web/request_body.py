"""Request bodies: decoded and checked in one step, each bad field named, never a 500."""

import re
from typing import TypeVar

import msgspec
from sanic import Request

from contract.errors import InvalidBody, InvalidField, MissingField, NotJson

Body = TypeVar("Body")

_MISSING = re.compile(r"Object missing required field `([^`]+)`")
_PATH = re.compile(r" - at `\$\.?([^`]*)`$")


def json_body(request: Request, decoder: "msgspec.json.Decoder[Body]") -> Body:
    """The typed body of a request; raises `NotJson` for another Content-Type, and what `decode` raises."""
    media_type = request.headers.get("content-type", "").partition(";")[0]
    if media_type.strip().lower() != "application/json":
        raise NotJson
    return decode(decoder, request.body)


def decode(decoder: "msgspec.json.Decoder[Body]", body: bytes) -> Body:
    """The typed body; raises `InvalidBody`, `MissingField` or `InvalidField` with the field's path."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _named(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidBody(f"the body is not JSON: {error}") from error


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
