"""The receipt: a vote's primary key and outcome, encrypted as one AES block and written as a UUID.

    bits   4       28         96
         kind | event_no |  voter        --AES-128 under the event's receipt key-->  vote_id

It needs no storage and no index, tells nothing to anybody without the key, and can't be guessed.
The same vote always has the same vote_id, hence the key of an event never changes.
"""

import enum
import uuid
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from contract.pseudonym import VOTER_BYTES

EVENT_NO_MAX = (1 << 28) - 1


class VoteKind(enum.IntEnum):
    """What became of an attempt to vote; the numbers are stored, never reuse one."""

    ACCEPTED = 1
    DUPLICATE = 2  # the voter has a vote for another contestant
    NOT_OPEN = 3  # not opened yet
    CLOSED = 4  # closed or cancelled, or outside its hours
    REFUSED = 5  # a fraud rule
    CHALLENGED = 6  # a fraud rule asks for a solved captcha first
    PAUSED = 7  # sent again after the pause, the same vote is a new try

    @property
    def vote_status(self) -> str:
        """The word that the contract uses for a refused attempt."""
        return "duplicate" if self is VoteKind.DUPLICATE else "rejected"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A decrypted vote_id. `voter` is 12 bytes."""

    kind: VoteKind
    event_no: int
    voter: bytes


class ReceiptCipher:
    """Makes and reads vote_ids under one 16-byte key; of no use in several threads at once."""

    def __init__(self, key: bytes) -> None:
        # Each plaintext is one block and unique by the primary key, so ECB shows nothing.
        cipher = Cipher(algorithms.AES128(key), modes.ECB())  # noqa: S305  # nosec B305
        self._encrypt = cipher.encryptor().update
        self._decrypt = cipher.decryptor().update

    def seal(self, kind: VoteKind, event_no: int, voter: bytes) -> str:
        """The vote_id as UUID text; event_no below 2^28, voter 12 bytes."""
        block = ((kind << 28) | event_no).to_bytes(4, "big") + voter
        text = self._encrypt(block).hex()
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def open(self, vote_id: uuid.UUID) -> Receipt | None:
        """The receipt inside, or None when this key can't have made it."""
        block = self._decrypt(vote_id.bytes)
        head = int.from_bytes(block[:4], "big")
        try:
            kind = VoteKind(head >> 28)
        except ValueError:
            return None
        return Receipt(kind, head & EVENT_NO_MAX, block[4 : 4 + VOTER_BYTES])
