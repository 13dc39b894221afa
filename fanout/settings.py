"""What only the fanout process is told."""

import dataclasses

from contract.settings import Listening, setting


@dataclasses.dataclass(frozen=True, slots=True)
class FanoutListening(Listening):
    """Where this process listens."""

    port: int = setting("FANOUT_PORT", 8105, int)


@dataclasses.dataclass(frozen=True, slots=True)
class Fanout:
    """The reader of one source's WAL. Lagging or standing still for longer it isn't ready."""

    source: str = setting("SOURCE_NAME", "main")
    slot: str = setting("SLOT_NAME", "fanout_main")
    flush_ms: int = setting("FLUSH_MS", 40, int, "ms")
    checkpoint_ms: int = setting("CHECKPOINT_MS", 1_000, int, "ms")
    lag_max_ms: int = setting("READY_LAG_MS", 3_000, int, "ms")
    idle_checkpoint_ms: int = setting("IDLE_CHECKPOINT_MS", 10_000, int, "ms")
