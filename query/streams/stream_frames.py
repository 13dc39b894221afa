"""What travels in a stream, as bytes: pure. A frame is made once and is the same for every client of an event.

    event: standings | closed
    id: {epoch}-{version}
    data: {"type": …, "event_id", "version", "status", "total_votes", "contestants": […], "as_of", "stale", "frozen"}

    event: hidden
    data: {"type": "hidden", "event_id"}

A WebSocket gets the same `data` as one text message. While a reveal is under way `revealed` says how many places there
are among the contestants. `traces` are W3C traceparents of some votes that are new in it: by them a page finds its own.
"""

import enum
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from contract.answer_text import Id, Time
from query.on_air import Shown


class Form(enum.IntEnum):
    """How a client reads frames; the index of its bytes in a `Frame`."""

    SSE = 0
    WEBSOCKET = 1


class Frame(NamedTuple):
    """One message as every kind of client gets it: a chunk of an HTTP/1.1 body, a frame of RFC 6455."""

    sse: bytes
    websocket: bytes


class ContestantVotes(msgspec.Struct):
    """A contestant's votes counted so far."""

    contestant_id: Id
    total_votes: int


class StreamedStandings(msgspec.Struct):
    """The `data` of a frame; `type` is `standings`, or `closed` for the last one."""

    type: str
    event_id: Id
    version: int
    status: str
    total_votes: int
    contestants: list[ContestantVotes]
    as_of: Time
    stale: bool
    frozen: bool
    revealed: int | msgspec.UnsetType = msgspec.UNSET
    traces: list[str] | msgspec.UnsetType = msgspec.UNSET


class HiddenResults(msgspec.Struct):
    """The `data` of the last frame to those who may see the results no longer; `type` is `hidden`."""

    type: str
    event_id: Id


def standings_frame(shown: Shown, traces: Sequence[str] = ()) -> Frame:
    """The frame of what an audience is shown: `standings`, or `closed` when nothing can follow."""
    content = StreamedStandings(
        type="closed" if shown.final else "standings",
        event_id=shown.event.event_id,
        version=shown.version,
        status=shown.status,
        total_votes=shown.total_votes,
        contestants=[ContestantVotes(each.contestant_id, votes) for each, votes in shown.rows],
        as_of=shown.as_of,
        stale=shown.stale,
        frozen=shown.frozen,
        revealed=msgspec.UNSET if shown.revealed is None else shown.revealed,
        traces=list(traces) or msgspec.UNSET,
    )
    data = msgspec.json.encode(content)
    message = b"event: %b\nid: %b\ndata: %b\n\n" % (content.type.encode(), shown.stream_id.encode(), data)
    return Frame(_chunk(message), text_frame(data))


def hidden_frame(event_id: str) -> Frame:
    """The last frame when results are hidden; it has no id, so a client keeps that of what it has seen."""
    data = msgspec.json.encode(HiddenResults("hidden", event_id))
    return Frame(_chunk(b"event: hidden\ndata: %b\n\n" % data), text_frame(data))


def retry(wait_ms: int) -> bytes:
    """Tells a client how long to wait before it comes back: the first line of its first event, no event of its own."""
    return b"retry: %d\n" % wait_ms


def text_frame(data: bytes) -> bytes:
    """A text message of a WebSocket, from a server."""
    return _websocket_frame(_TEXT, data)


def _chunk(message: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(message), message)


_TEXT, _PING = 0x81, 0x89  # each the only frame of its message


def _websocket_frame(kind: int, data: bytes) -> bytes:
    """A server's frame: not masked, its length in 7, 16 or 64 bits."""
    size = len(data)
    if size < 126:
        return bytes((kind, size)) + data
    if size < 2**16:
        return bytes((kind, 126)) + size.to_bytes(2, "big") + data
    return bytes((kind, 127)) + size.to_bytes(8, "big") + data


HEARTBEAT = Frame(_chunk(b": \n\n"), _websocket_frame(_PING, b""))
