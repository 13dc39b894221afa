"""What is stored of a source, and what follows from it: what the slot may forget, and when to store again. Pure.

What is confirmed to the slot depends on what is stored and never on Redis, so the server keeps all WAL whose votes
aren't in a stored tally yet. Only during a recount it may forget more: then nothing that is stored fits the slot.
"""

from dataclasses import dataclass
from typing import NamedTuple

from contract.position import Position


class FencedError(Exception):
    """Another fanout is at the slot or has stored a later position: nothing more may be written from here."""


class Checkpoint(NamedTuple):
    """What is stored of a source."""

    epoch: int
    position: Position
    written_us: int
    digest: int | None  # of the tallies; None: somebody asks for a recount


def lsn_to_confirm(stored: Checkpoint | None, epoch: int, recounted_to: int | None = None) -> int:
    """The LSN up to which the slot may forget the WAL; 0: nothing of it.

    A checkpoint of another epoch counts another history, or the same one up to another slot: its LSN says nothing here.
    A recount is in memory only, up to `recounted_to`. While it runs nothing that is stored fits the slot, and whoever
    starts after us makes a new one. So this one may forget what was read, however long the recount takes.
    """
    if recounted_to is not None:
        return recounted_to
    return stored.position.lsn if stored and stored.epoch == epoch else 0


@dataclass(frozen=True, slots=True)
class CheckpointPace:
    """How often a checkpoint is stored, in seconds."""

    busy_s: float
    idle_s: float

    def due(self, since_last_s: float, *, counted: bool, moved: bool) -> bool:
        """Whether to store one: `counted` says that a tally changed, `moved` that the position did."""
        return (counted and since_last_s >= self.busy_s) or (moved and since_last_s >= self.idle_s)
