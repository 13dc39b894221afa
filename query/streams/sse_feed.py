"""One event's newest frames and the clients that watch it, by audience. Knows no clock and no Redis."""

import asyncio
import math
from collections.abc import Iterable, Sequence

from query.event import Event
from query.on_air import Audience, Shown, see
from query.reading import Reading
from query.streams.sse_client import SseClient
from query.streams.stream_frames import Frame, hidden_frame, standings_frame
from query.streams.traced_push import HeardTraces

_NO_FRAME = Frame(b"", b"")


class Channel:
    """What one audience of an event is shown: the newest frame, the same bytes to each of its clients."""

    def __init__(self, audience: Audience) -> None:
        self.audience = audience
        self.clients: set[SseClient] = set()
        self.shown: Shown | None = None  # None: nothing
        self.frame = _NO_FRAME  # made anew when it changes

    @property
    def is_over(self) -> bool:
        """Whether the newest frame is the last: the end of the event, or of its being shown."""
        return self.shown is None or self.shown.final

    def has_ended_for(self, last_event_id: str) -> bool:
        """Whether a client that has this id has seen the end of the event."""
        return self.shown is not None and self.shown.final and last_event_id == self.shown.stream_id

    def join(self, client: SseClient) -> None:
        """Show a client the newest frame and keep it posted; or the last one."""
        self.clients.add(client)
        if self.is_over:
            client.end(self.frame)
        else:
            client.send(self.frame)

    def leave(self, client: SseClient) -> None:
        """Forget a client."""
        self.clients.discard(client)

    def frame_with(self, traceparents: Sequence[str]) -> Frame:
        """The newest frame as a push may send it: naming some traced votes that are new in it."""
        return standings_frame(self.shown, traceparents) if self.shown and traceparents else self.frame

    def deliver(self, clients: Iterable[SseClient], pushed: Frame | None = None) -> int:
        """Send them the newest frame, or what is `pushed` in its place; to how many it went out now."""
        frame, sent = pushed or self.frame, 0
        if self.is_over:
            for client in clients:
                client.end(frame)
                sent += 1
        else:
            for client in clients:
                if client.offer(frame):
                    sent += 1
        return sent


class SseFeed:
    """An event that is watched; without a reading until `show` was called."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self.reading: Reading | None = None
        self.channels = {audience: Channel(audience) for audience in Audience}
        self.traces = HeardTraces()
        self.watchers = 0  # clients, and those who are about to be
        self.first_reading = asyncio.Lock()
        self.read_again = asyncio.Event()  # since somebody has cleared it
        self.sent_at = 0.0  # when the newest frame went out
        self.asked_at = -math.inf  # when its reading was asked for

    @property
    def clients(self) -> list[SseClient]:
        """All clients."""
        return [client for channel in self.channels.values() for client in channel.clients]

    def show(self, reading: Reading, asked_at: float) -> list[Channel]:
        """Take a reading that was asked for then (monotonic s); the channels that change by it.

        What all see alike is made once, and what is as before stays the same object: by that clients know it.
        """
        self.reading, self.asked_at = reading, asked_at
        before: tuple[Shown | None, Frame] | None = None
        changed = []
        for audience, channel in self.channels.items():
            shown = see(self.event, reading, audience)
            if shown and shown == channel.shown:
                before = channel.shown, channel.frame
                continue
            if before and before[0] == shown:
                shown, frame = before
            else:
                frame = _frame(self.event, shown)
            before = shown, frame
            if frame != channel.frame:
                changed.append(channel)
            channel.shown, channel.frame = shown, frame
        return changed


def _frame(event: Event, shown: Shown | None) -> Frame:
    return standings_frame(shown) if shown else hidden_frame(event.event_id)
