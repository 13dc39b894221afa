"""What is known of one attempt to vote, what was counted around it, and what became of it: the inputs of every rule.

No name, no address and no moment that could link two events is in it: voter, device, network and kin are keyed hashes
of this event, and of an account's age only that part is kept that lies within a day before the opening.
"""

import zlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from contract.assurance import Assurance

KEPT_BEFORE_OPENING_S = 86_400  # accounts that are older than this at the opening are told apart no further
_COMPRESSION = 1  # half the size for a tenth of the time of the usual level


class Evidence(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One attempt. What isn't known is None."""

    at_ms: int  # Unix, by the clock of the process that judged it
    voter: bytes
    contestant_no: int
    network: int
    device: int | None
    kin: int | None  # who has a name like this one, but for its digits, on the same network
    open_s: int | None  # since the event's opening
    account_s: int | None  # since the account was made; None also for whom an operator vouches
    token_s: int  # since the access token was made
    challenge_passed: bool
    assurance: str = Assurance.PASSWORD.value  # how it is known who the person is; older evidence doesn't say


class Counts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What was counted in the window that ends with this attempt, itself included; accounts, not attempts."""

    is_new: bool  # whether the account itself counts as a new one
    network_accounts: int
    network_new: int
    network_steady: int  # so many intervals in a row were alike
    device_accounts: int = 0
    device_gap_ms: int | None = None  # since another account's vote
    device_steady: int = 0
    kin_accounts: int = 0
    contestant_new: int = 0  # new accounts' votes for this contestant; 0 unless this account is new
    event_new: int = 0


class JudgedVote(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An attempt with all that was decided by: `hits` are indices of the block's rules; `kind` what the ledger said."""

    evidence: Evidence
    counts: Counts
    hits: tuple[int, ...]
    kind: int  # of VoteKind; 0: no answer, or no such contestant


class RuleName(NamedTuple):
    """A rule as it was when it judged."""

    name: str
    version: int
    action: str


class Counting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How attempts are counted, whatever the rules."""

    window_s: int
    new_before_opening_s: int  # an account is new when it was made after the opening, or so long before it
    steady_within_percent: int  # intervals are alike when they differ by no more
    steady_from_ms: int  # shorter intervals are a crowd's, never steady

    def is_new(self, evidence: Evidence) -> bool:
        """Whether this account was made for the event."""
        if evidence.account_s is None or evidence.open_s is None:
            return False
        return evidence.account_s <= evidence.open_s + self.new_before_opening_s


class EvidenceBlock(msgspec.Struct, frozen=True):
    """Votes of one event that one process judged by one rules file."""

    rules: Sequence[RuleName]
    counting: Counting
    votes: Sequence[JudgedVote]

    def packed(self) -> bytes:
        """As it is stored."""
        return zlib.compress(msgspec.msgpack.encode(self), _COMPRESSION)


def unpacked(block: bytes) -> EvidenceBlock:
    """What `packed` gave; raises zlib.error or msgspec.MsgspecError for anything else."""
    return msgspec.msgpack.decode(zlib.decompress(block), type=EvidenceBlock)
