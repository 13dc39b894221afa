"""What travels in a stream, as bytes: pure. A frame is made once and is the same for every client of an event.

    event: standings | closed
    id: {epoch}-{version}
    data: {"type": …, "event_id", "version", "status", "total_votes", "contestants": […], "as_of", "stale"}

A WebSocket gets the same `data` as one text message.
"""

import enum
from typing import NamedTuple

import msgspec

from contract.answer_text import Id, Time
from query.event import Event
from query.reading import Reading


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


def standings_frame(event: Event, reading: Reading) -> Frame:
    """The frame of a reading: `standings`, or `closed` when nothing can follow."""
    standings = reading.standings
    rows = [
        ContestantVotes(each.contestant_id, standings.counts.get(each.contestant_no, 0)) for each in event.contestants
    ]
    content = StreamedStandings(
        type="closed" if reading.final else "standings",
        event_id=event.event_id,
        version=standings.version,
        status=standings.status,
        total_votes=sum(row.total_votes for row in rows),
        contestants=rows,
        as_of=standings.as_of,
        stale=reading.stale,
    )
    data = msgspec.json.encode(content)
    message = b"event: %b\nid: %b\ndata: %b\n\n" % (content.type.encode(), reading.stream_id.encode(), data)
    return Frame(_chunk(message), _websocket_frame(_TEXT, data))


def retry(wait_ms: int) -> bytes:
    """Tells a client how long to wait before it comes back: the first line of its first event, no event of its own."""
    return b"retry: %d\n" % wait_ms


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
