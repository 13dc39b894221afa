"""Which numbers a board is held against: those of the freeze, of the ledger, and while places are revealed."""

from typing import cast

import pytest

from contract.standings import Freeze
from fanout.wal_decoder import CountKey
from fanout.wal_listener import WalListener
from ops.auditor import shown_board
from ops.auditor.ledger_history import LedgerHistory, NotReachedError
from ops.auditor.shown_board import ShownBoard, _Board, _Place

AT_FREEZE, AT_END = {1: 5, 2: 3}, {1: 9, 2: 4}


class Silence:
    """A listener to whom nothing comes."""

    def read(self) -> list[object]:
        """Nothing."""
        return []

    def report(self, *_: int) -> None:
        """Heard by nobody."""


def wrong(monkeypatch: pytest.MonkeyPatch, board: _Board, freeze: Freeze | None) -> list[dict[str, object]]:
    """What is found of a board that stays as it is."""
    monkeypatch.setattr(shown_board, "_RIGHT_WITHIN_S", 0)
    monkeypatch.setattr(ShownBoard, "_read", lambda _: board)
    counted = {CountKey(7, number): votes for number, votes in AT_END.items()}
    history = LedgerHistory(cast("WalListener", Silence()), 0, {}, counted)
    return ShownBoard("", "", {"a": 1, "b": 2}).differences(7, freeze, history)


@pytest.mark.parametrize(("frozen", "right"), [(False, AT_END), (True, AT_FREEZE)])
@pytest.mark.parametrize("lie", [0, 1])
def test_a_half_revealed_event_shows_its_last_places(
    monkeypatch: pytest.MonkeyPatch, *, frozen: bool, right: dict[int, int], lie: int
) -> None:
    """Of the final count, without saying `frozen`, while its freeze is still stored; before it is known, the freeze."""
    board = _Board([_Place("b", right[2] + lie)], stale=False, frozen=frozen, revealed=1)
    found = wrong(monkeypatch, board, Freeze(1, "", AT_FREEZE))
    assert found == ([{"contestant_no": 2, "shown": right[2] + 1, "ledger": right[2]}] if lie else [])


@pytest.mark.parametrize(
    ("board", "freeze"),
    [
        (_Board([], stale=False, frozen=False), Freeze(1, "", AT_FREEZE)),
        (_Board([], stale=False, frozen=True), None),
        (_Board([], stale=False, frozen=True, revealed=1), None),
        (_Board([], stale=True, frozen=False), None),
    ],
)
def test_a_board_of_another_state_is_not_compared(
    monkeypatch: pytest.MonkeyPatch, board: _Board, freeze: Freeze | None
) -> None:
    """Frozen or thawed meanwhile, or stale: neither right nor a finding."""
    with pytest.raises(NotReachedError):
        wrong(monkeypatch, board, freeze)
