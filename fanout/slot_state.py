"""The state of a slot, and whether the stored tallies can be continued from it. Pure.

They can if every commit after the checkpoint is still to come from the slot. Else they are counted anew: rebuild.py.
"""

from typing import NamedTuple

from fanout.checkpoint import Checkpoint
from fanout.tally import Tally


class SlotState(NamedTuple):
    """What Postgres says of the slot."""

    confirmed: int
    active: bool
    lost: bool


class WalHistory(NamedTuple):
    """Whose WAL it is: a promotion goes on with the same system on a new timeline."""

    system_id: int
    timeline: int


def why_rebuild(slot: SlotState | None, stored: Checkpoint | None, saved: Tally | None, history: WalHistory) -> str:
    """Why what is stored (`saved` as it was read with it) can't be continued from this slot, or "" when it can."""
    if slot is None:
        return "the slot is missing"
    if slot.lost:
        return "the slot was invalidated: the WAL that it needed is gone"
    if stored is None or saved is None:
        return "there is no checkpoint"
    return _why_misfit(slot.confirmed, stored, saved.digest, history)


def _why_misfit(confirmed_lsn: int, stored: Checkpoint, digest: int, history: WalHistory) -> str:
    if stored.digest is None:
        return "a recount was asked for"
    if stored.digest != digest:
        return "the stored tallies were changed by another hand"
    if stored.position.system_id != history.system_id:
        return "the checkpoint was made on another system"
    if confirmed_lsn > stored.position.lsn:
        return "the slot was confirmed beyond the checkpoint"
    return ""
