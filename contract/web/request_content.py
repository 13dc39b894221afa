"""What a request says: bodies decoded and checked in one step, ids, parameters, known ETags; each bad field named."""

import functools
import re
import uuid
from typing import Annotated, Any, TypeVar

import msgspec
from sanic import Request

from contract.errors import InvalidBody, InvalidField, MissingField, NotJson

_UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"  # RFC 9562; Python takes braces, urn: and stray dashes
UUID_CHARACTERS = 36
IDS_REMEMBERED_MAX = 16_384  # 4 MB
ENTRY_NO_MAX = (1 << 63) - 1  # as Postgres numbers the entries of a log

Body = TypeVar("Body", bound=msgspec.Struct)
GivenId = Annotated[
    str,
    msgspec.Meta(pattern=_UUID, max_length=UUID_CHARACTERS, extra_json_schema={"format": "uuid"}),  # $ takes a newline
]  # a UUID in a body, in upper or lower case
LogCursor = Annotated[int, msgspec.Meta(ge=1)]  # of a query, as `log_cursor_of` reads it

_STRICT_UUID = re.compile(_UUID)
_MISSING = re.compile(r"Object missing required field `([^`]+)`")
_PATH = re.compile(r" - at `\$\.?([^`]*)`$")
_ENTITY_TAG = re.compile(r'\s*(?:W/)?("[\x21\x23-\x7e\x80-\uffff]*")\s*(?:,|$)|\s*,')


def json_body(request: Request, kind: type[Body]) -> Body:
    """The body of a request as this kind of Struct; raises `NotJson` for other or encoded content, and as `decode`."""
    media_type = request.headers.get("content-type", "").partition(";")[0]
    if media_type.strip().lower() != "application/json" or "content-encoding" in request.headers:
        raise NotJson
    return decode(kind, request.body)


async def large_json_body(request: Request, kind: type[Body]) -> Body:
    """As `json_body`, for a call that declares a limit of its own; reads the body now: so look at the caller before."""
    assert request.stream
    assert request.route
    request.stream.request_max_size = request.route.ctx.body_bytes_max
    await request.receive_body()  # type: ignore[no-untyped-call]  # Sanic's, which has no annotations
    return json_body(request, kind)


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
    """A UUID from a path, a query or a body; malformed is `InvalidField`, which names the field."""
    found = _uuid_of(text) if len(text) == UUID_CHARACTERS else None
    if found is None:
        raise InvalidField(f"{field} must be a UUID", field=field)
    return found


def parameter_of(request: Request, name: str) -> str | None:
    """A parameter of the query: "" when it has no value, None when it isn't there."""
    value: str | None = request.get_args(keep_blank_values=True).get(name)
    return value


def flag_of(request: Request, name: str, *, default: bool = False) -> bool:
    """A yes or no of the query, `default` when it isn't there; anything else is `InvalidField`."""
    asked = parameter_of(request, name)
    if asked not in (None, "true", "false"):
        raise InvalidField(f"{name} must be true or false", field=name)
    return default if asked is None else asked == "true"


def number_of(request: Request, name: str, least: int, most: int, *, default: int) -> int:
    """A whole number of the query from `least` to `most`, `default` when it isn't there; else `InvalidField`."""
    asked = parameter_of(request, name)
    if asked is None:
        return default
    sound = asked.isascii() and asked.isdigit() and len(asked) <= len(str(most))
    if not (sound and least <= int(asked) <= most):
        raise InvalidField(f"{name} must be a number from {least} to {most}", field=name)
    return int(asked)


def log_cursor_of(request: Request) -> int | None:
    """The number of the entry of a log before which a page is asked for, None for the newest page.

    What no page can have given as its cursor is `InvalidField`.
    """
    text = parameter_of(request, "cursor")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= ENTRY_NO_MAX):
        raise InvalidField("cursor must be one that was given", field="cursor")
    return int(text)


def is_known(request: Request, etag: str) -> bool:
    """Whether the client has it already, by the weak comparison of RFC 9110; a malformed If-None-Match is none."""
    text = ",".join(request.headers.getall("if-none-match", []))
    if text.strip() == "*":
        return True
    at, tags = 0, set()
    while at < len(text):
        tag = _ENTITY_TAG.match(text, at)
        if tag is None:
            return False
        at = tag.end()
        tags.add(tag.group(1))
    return etag.removeprefix("W/") in tags


@functools.lru_cache(IDS_REMEMBERED_MAX)  # parsing costs ten times as much, and many ask for the same few
def _uuid_of(text: str) -> uuid.UUID | None:
    return uuid.UUID(text) if _STRICT_UUID.match(text) else None


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
    if _UUID in reason:
        reason = "must be a UUID"
    return InvalidField(f"{inside}: {reason}", field=inside)
