"""What travels in a stream, as bytes: pure. A frame is made once and is the same for every client of an event.

event: standings | closed
id: {epoch}-{version}
data: {"type": …, "event_id", "version", "status", "total_votes", "contestants": […], "as_of", "stale"}
"""

import msgspec

from query.reading import Reading
from query.replica_reader import Event

HEARTBEAT = b": \n\n"


class ContestantVotes(msgspec.Struct):
    """A contestant's votes counted so far."""

    contestant_id: str
    total_votes: int


class StreamedStandings(msgspec.Struct):
    """The `data` of a frame; `type` is `standings`, or `closed` for the last one."""

    type: str
    event_id: str
    version: int
    status: str
    total_votes: int
    contestants: list[ContestantVotes]
    as_of: str
    stale: bool


def standings_frame(event: Event, reading: Reading) -> bytes:
    """The frame of a reading: `standings`, or `closed` when nothing can follow."""
    standings = reading.standings
    rows = [
        ContestantVotes(each.contestant_id, standings.counts.get(each.contestant_no, 0)) for each in event.contestants
    ]
    data = StreamedStandings(
        type="closed" if reading.final else "standings",
        event_id=event.event_id,
        version=standings.version,
        status=standings.status,
        total_votes=sum(row.total_votes for row in rows),
        contestants=rows,
        as_of=standings.as_of,
        stale=reading.stale,
    )
    return f"event: {data.type}\nid: {reading.stream_id}\ndata: {msgspec.json.encode(data).decode()}\n\n".encode()


def chunk(frame: bytes) -> bytes:
    """The frame as one chunk of an HTTP/1.1 body."""
    return b"%x\r\n%b\r\n" % (len(frame), frame)


def retry(wait_ms: int) -> bytes:
    """Tells a client how long to wait before it comes back."""
    return b"retry: %d\n\n" % wait_ms
