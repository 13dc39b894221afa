"""When stored tallies may be continued."""

import pytest

from contract.position import Position
from fanout.checkpoint import Checkpoint
from fanout.slot_state import SlotState, WalHistory, why_rebuild
from fanout.tally import EventTally, Tally
from fanout.wal_decoder import CountKey

HISTORY = WalHistory(7, 3)
SAVED = Tally("main", 1, Position(7, 3, 100), {1: EventTally()})
SAVED.add_saved({CountKey(1, 1): 5})
FINE = SlotState(confirmed=100, active=False, lost=False)


def stored(lsn: int = 100, system_id: int = 7, timeline: int = 3, digest: int | None = SAVED.digest) -> Checkpoint:
    return Checkpoint(1, Position(system_id, timeline, lsn), 0, digest)


@pytest.mark.parametrize(
    ("slot", "checkpoint", "reason"),
    [
        (FINE, stored(), ""),
        (FINE, stored(lsn=101), ""),
        (FINE, stored(timeline=2), ""),  # promoted with a synchronised slot: the checkpoint travelled with the ledger
        (None, stored(), "missing"),
        (FINE._replace(lost=True), stored(), "invalidated"),
        (FINE, None, "no checkpoint"),
        (FINE, stored(system_id=8), "another system"),
        (FINE, stored(lsn=99), "beyond"),
        (FINE, stored(digest=None), "was asked for"),
        (FINE, stored(digest=SAVED.digest + 1), "another hand"),
    ],
)
def test_continue_or_rebuild(slot: SlotState | None, checkpoint: Checkpoint | None, reason: str) -> None:
    """Continue only if every commit after the checkpoint is still to come from the slot."""
    why = why_rebuild(slot, checkpoint, SAVED, HISTORY)
    assert reason in why if reason else not why
