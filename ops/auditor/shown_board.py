"""What the query server shows everybody, against the ledger: public results must be some commit's state.

They carry no position, so they are right if all their numbers together are those after one commit that was followed.
They may be a moment old, older than the first: so they are asked for again for a while, and only what stays wrong is a
finding.
"""

import time
import urllib.error
from collections.abc import Mapping

import msgspec

from contract.standings import SHOWN_FOR_S, Freeze
from ops.auditor.ledger_history import POLL_S, LedgerHistory, NotReachedError
from ops.auditor.questions import Row
from ops.embedded.readiness import DIRECTLY

SHOWN = "Do the results that everybody is shown say anything that the ledger never said?"
_RIGHT_WITHIN_S = 2 * SHOWN_FOR_S
_ANSWER_WITHIN_S = 5


class _Place(msgspec.Struct):
    contestant_id: str
    votes: int


class _Board(msgspec.Struct):
    totals: list[_Place]
    stale: bool
    frozen: bool
    revealed: int | None = None


class ShownBoard:
    """The results of one event, as anybody without a token gets them; `contestants` gives their numbers by id."""

    def __init__(self, query_url: str, event_id: str, contestants: Mapping[str, int]) -> None:
        self._url = f"{query_url}/v1/event/{event_id}/results"
        self._contestants = contestants

    def is_public(self) -> bool:
        """Whether anybody may see them now; raises OSError."""
        return self._read() is not None

    def differences(self, event_no: int, freeze: Freeze | None, history: LedgerHistory) -> list[Row]:
        """The places that are wrong and stay so; raises OSError, msgspec.MsgspecError and `NotReachedError`.

        `freeze`: what is stored of the moment that the public sees, if the event is frozen. A reveal shows places of
        the final count and doesn't say `frozen`, though the event stays so, and its freeze stored, until the last one.
        """
        until = time.monotonic() + _RIGHT_WITHIN_S
        seen: list[_Board] = []  # one of them may be ahead of what was followed so far
        while True:
            board = self._read()
            if board is None:
                raise NotReachedError("the results were hidden meanwhile")
            seen.append(board)
            history.read()
            if any(not each.stale and self._is_right(each, event_no, freeze, history) for each in seen):
                return []
            if time.monotonic() > until:
                break
            history.keep_alive()
            time.sleep(POLL_S)
        thawed = board.frozen and freeze is None
        froze = freeze is not None and not board.frozen and board.revealed is None
        if board.stale or thawed or froze:
            raise NotReachedError("the results that are shown are stale, or were frozen or thawed meanwhile")
        return self._wrong_places(board, event_no, freeze if board.frozen else None, history)

    def _read(self) -> _Board | None:
        try:
            with DIRECTLY.open(self._url, timeout=_ANSWER_WITHIN_S) as answer:
                return msgspec.json.decode(answer.read(), type=_Board)
        except urllib.error.HTTPError as error:
            if error.code in {401, 403, 404}:  # its results are hidden, or it is a draft
                return None
            raise

    def _is_right(self, board: _Board, event_no: int, freeze: Freeze | None, history: LedgerHistory) -> bool:
        shown = self._shown(board)
        if board.frozen:
            return freeze is not None and _agree(shown, freeze.counts)
        return any(_agree(shown, state) for state in history.states(event_no))

    def _shown(self, board: _Board) -> dict[int, int]:
        """Votes by contestant_no; who isn't on the board, of all but while a reveal holds them back, has none."""
        absent = dict.fromkeys(self._contestants.values(), 0) if board.revealed is None else {}
        return absent | {self._contestants.get(each.contestant_id, 0): each.votes for each in board.totals}

    def _wrong_places(self, board: _Board, event_no: int, freeze: Freeze | None, history: LedgerHistory) -> list[Row]:
        *_, newest = history.states(event_no)
        right = freeze.counts if freeze else newest
        shown = self._shown(board)
        return [
            {"contestant_no": number, "shown": votes, "ledger": right.get(number, 0)}
            for number, votes in sorted(shown.items())
            if votes != right.get(number, 0)
        ]


def _agree(shown: Mapping[int, int], right: Mapping[int, int]) -> bool:
    return all(right.get(number, 0) == votes for number, votes in shown.items())
