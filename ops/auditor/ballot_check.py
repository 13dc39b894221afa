"""Is the ballot what was sealed when the event opened, and is it what the tables say that names are read from?

The ballot's text comes from a function of the database, which may have been replaced: so the rows are compared, too.
"""

import json
from collections.abc import Iterator, Sequence

from contract.seal import ballot_seal_of
from ops.auditor.questions import Row

TITLE = "Is the ballot what it was when the event opened?"


def wrong_ballot(
    key: bytes, ballot: str, seal: str | None, *, rows: Sequence[object], has_opened: bool
) -> Iterator[Row]:
    """What is wrong with it; `seal` is in hexadecimal, `rows` are of events and contestants, arranged as in a ballot.

    `has_opened` is what votes and the log say, not a column that somebody may have emptied; before that it has no seal.
    """
    if seal is None:
        if has_opened:
            yield {"ballot": "it was never sealed"}
    elif seal != ballot_seal_of(key, ballot).hex():
        yield {"ballot": "it is not what it was"}
    if _content(ballot) != rows:
        yield {"ballot": "the rows of the event and its contestants say something else"}


def _content(ballot: str) -> object:
    try:
        return json.loads(ballot)
    except ValueError:
        return None
