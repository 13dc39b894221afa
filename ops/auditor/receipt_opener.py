"""Opens the receipts that were handed in: each holds the pseudonym whose vote must be there."""

import uuid
from collections.abc import Iterable

from contract.vote_id import Receipt, ReceiptCipher, VoteKind
from ops.auditor.questions import Row

_SHOWN_MAX = 100  # letters of what is no receipt


def opened_receipts(given: Iterable[str], cipher: ReceiptCipher, event_no: int) -> tuple[dict[bytes, str], list[Row]]:
    """Receipts by their voter; and a finding for each that isn't this event's, of an accepted vote, or no receipt."""
    voters, found = dict[bytes, str](), list[Row]()
    for text in given:
        receipt = _opened(text, cipher)
        if receipt is None or receipt.event_no != event_no or receipt.kind is not VoteKind.ACCEPTED:
            found.append({"vote_id": text[:_SHOWN_MAX], "why": "no receipt of a vote in this event"})
        else:
            voters[receipt.voter] = text
    return voters, found


def _opened(text: str, cipher: ReceiptCipher) -> Receipt | None:
    try:
        return cipher.open(uuid.UUID(text))
    except ValueError:  # no UUID at all
        return None
