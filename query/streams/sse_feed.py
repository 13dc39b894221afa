"""One event's newest frame and the clients that watch it. Knows no clock and no Redis."""

import asyncio
from collections.abc import Iterable

from query.event import Event
from query.reading import Reading
from query.streams.sse_client import SseClient
from query.streams.stream_frames import Frame, standings_frame


class SseFeed:
    """What the clients of one event are shown; without a reading until `show` was called."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self.reading: Reading | None = None
        self.clients: set[SseClient] = set()
        self.watchers = 0  # clients, and those who are about to be
        self.first_reading = asyncio.Lock()
        self.frame = Frame(b"", b"")
        self.sent_at = 0.0

    def show(self, reading: Reading) -> bool:
        """Take a reading; whether it changes what clients see."""
        made = standings_frame(self.event, reading)
        changed = made != self.frame
        self.reading, self.frame = reading, made
        return changed

    @property
    def is_final(self) -> bool:
        """Whether the newest frame is the last."""
        return self.reading is not None and self.reading.final

    def has_ended_for(self, last_event_id: str) -> bool:
        """Whether a client that has this id has seen the end."""
        return self.reading is not None and self.reading.final and last_event_id == self.reading.stream_id

    def join(self, client: SseClient) -> None:
        """Show a client the newest frame and keep it posted; of a closed event, the end."""
        self.clients.add(client)
        if self.is_final:
            client.end(self.frame)
        else:
            client.send(self.frame)

    def leave(self, client: SseClient) -> None:
        """Forget a client."""
        self.clients.discard(client)

    def deliver(self, clients: Iterable[SseClient]) -> int:
        """Send them the newest frame; to how many it went out now."""
        frame, sent = self.frame, 0
        if self.is_final:
            for client in clients:
                client.end(frame)
                sent += 1
        else:
            for client in clients:
                if client.offer(frame):
                    sent += 1
        return sent
