"""What only the read side is told: the query and the sse process."""

import dataclasses

from contract.settings import Listening, origin, origins, setting


@dataclasses.dataclass(frozen=True, slots=True)
class QueryListening(Listening):
    """Where this process listens."""

    port: int = setting("QUERY_PORT", 8103, int)


@dataclasses.dataclass(frozen=True, slots=True)
class SseListening(Listening):
    """Where this process listens."""

    port: int = setting("SSE_PORT", 8104, int)


@dataclasses.dataclass(frozen=True, slots=True)
class Framing:
    """Whose pages may show the live page inside theirs, as studio software does: nobody's, some origins', any (*)."""

    framed_by: tuple[str, ...] = setting("FRAME_ORIGINS", (), origins, "origins")


@dataclasses.dataclass(frozen=True, slots=True)
class Staleness:
    """When numbers are called stale: so long after a source's listener was last heard."""

    after_ms: int = setting("STALE_AFTER_MS", 3_000, int, "ms")


@dataclasses.dataclass(frozen=True, slots=True)
class Streaming:
    """Limits of the stream server."""

    clients_max: int = setting("STREAM_CLIENTS_MAX", 10_000, int, "clients")
    push_every_ms: int = setting("STREAM_PUSH_EVERY_MS", 50, int, "ms")
    clients_per_address_max: int = setting("STREAM_CLIENTS_PER_ADDRESS_MAX", 2_000, int, "clients")
    heartbeat_ms: int = setting("STREAM_HEARTBEAT_MS", 15_000, int, "ms")
    lifetime_ms: int = setting("STREAM_LIFETIME_MS", 1_800_000, int, "ms")
    stalled_ms: int = setting("STREAM_STALLED_MS", 15_000, int, "ms")
    lease_ms: int = setting("STREAM_LEASE_MS", 20_000, int, "ms")
    drain_ms: int = setting("STREAM_DRAIN_MS", 5_000, int, "ms")


@dataclasses.dataclass(frozen=True, slots=True)
class PublicAddress:
    """Where people reach the edge: QR codes lead there. By default where the one who asks for a code reaches it."""

    url: str = setting("PUBLIC_URL", "", origin)
