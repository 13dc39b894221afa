"""One client of an election's stream: what it is told depends on what it was told before.

The hub offers it the frames of everybody; it takes them as a sign to look at what its channel shows now.
"""

import asyncio

from query.on_air import Shown
from query.streams.election_messages import ElectionTeller
from query.streams.sse_client import SseClient
from query.streams.sse_feed import Channel
from query.streams.stream_frames import HEARTBEAT, Form, Frame, text_frame


class ElectionClient(SseClient):
    """A client of this channel that gets its standings in the words of elections; `hidden` is its last without them."""

    __slots__ = ("_channel", "_election_id", "_hidden", "_teller", "_told")

    def __init__(  # what any client has, and what this one is told by
        self,
        transport: asyncio.Transport,
        expires_at: float,
        let_in_by: tuple[str, ...],
        *,
        channel: Channel,
        election_id: str,
        hidden: str,
        teller: ElectionTeller,
    ) -> None:
        super().__init__(transport, expires_at, Form.WEBSOCKET, let_in_by)
        self._channel = channel
        self._election_id = election_id
        self._hidden = hidden
        self._teller = teller
        self._told: Shown | None = None

    def send(self, frame: Frame) -> None:
        """Tell it what is new, whether there is room or not."""
        shown = self._channel.shown
        super().send(self._in_words(frame, shown))
        self._told = shown

    def offer(self, frame: Frame) -> bool:
        """Tell it what is new, if there is room; whether it was told."""
        shown = self._channel.shown
        sent = super().offer(self._in_words(frame, shown))
        if sent and frame is not HEARTBEAT:
            self._told = shown
        return sent

    def _in_words(self, frame: Frame, shown: Shown | None) -> Frame:
        if shown is None:
            return Frame(b"", text_frame(self._hidden.encode()))
        if frame is HEARTBEAT:
            return Frame(b"", self._teller.heartbeat(self._election_id))
        return Frame(b"", self._teller.news(self._told, shown))
