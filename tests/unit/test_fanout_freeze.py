"""A freeze is exact, whoever counts: there all along, started again from what is stored, or counting anew."""

from hypothesis import given
from hypothesis import strategies as st

from contract.position import Position
from contract.standings import EventChange, OnAir
from fanout.event_freeze import EventFreeze
from fanout.tally import EventTally, Part, Tally
from fanout.wal_decoder import CountKey, Transaction

OPEN = OnAir(0, "open")
VOTED = CountKey(1, 1)
ALL_NOS = Part(-(2**31), 2**31 - 1, under_way=True)

# Each commit: votes, and whether the event is frozen by it, or no longer, or nothing changes.
shows = st.lists(st.tuples(st.integers(0, 9), st.none() | st.booleans()), min_size=1)


def new_tally(lsn: int = 0, on_air: OnAir = OPEN) -> Tally:
    return Tally("main", 1, Position(1, 1, lsn), {1: EventTally("one", on_air)})


def wal_of(show: list[tuple[int, bool | None]]) -> list[Transaction]:
    frozen, wal = False, []
    for number, (votes, freeze) in enumerate(show, start=1):
        frozen = frozen if freeze is None else freeze
        change = {} if freeze is None else {1: EventChange(1, "one", "open", "", number, "public", frozen=frozen)}
        wal.append(Transaction(10 * number, number, {VOTED: votes} if votes else {}, change))
    return wal


def counted(tally: Tally, wal: list[Transaction]) -> Tally:
    for transaction in wal:
        tally.apply(transaction)
    return tally


def expected(show: list[tuple[int, bool | None]]) -> tuple[int, int | None]:
    """All votes, and those until the freeze, said in other words."""
    total, at_freeze = 0, None
    for votes, freeze in show:
        total += votes
        if freeze is not None:
            at_freeze = (total if at_freeze is None else at_freeze) if freeze else None
    return total, at_freeze


def found(tally: Tally) -> tuple[int, int | None]:
    """What readers are told."""
    message = tally.message(1)
    assert message.frozen == (message.freeze is not None)
    return sum(message.counts.values()), sum(message.freeze.counts.values()) if message.freeze else None


@given(shows, st.integers(0, 20))
def test_of_the_one_who_is_there_all_along_and_of_a_successor(show: list[tuple[int, bool | None]], stored: int) -> None:
    """The successor reads rows that may be newer than the checkpoint, and the rest of the WAL."""
    wal = wal_of(show)
    first = counted(new_tally(), wal[:stored])
    first.take_unsaved()
    first.take_unsaved_freezes()
    newest = counted(new_tally(), wal).events[1].on_air
    successor = new_tally(first.position.lsn, newest)
    successor.add_saved(first.saved_in(ALL_NOS))
    successor.add_saved_freezes(first.freezes.between(*ALL_NOS[:2]))
    assert successor.digest == first.digest
    assert found(counted(successor, wal[stored:])) == found(counted(first, wal[stored:])) == expected(show)


@given(shows, st.integers(0, 20), st.integers(0, 20))
def test_of_a_recount(show: list[tuple[int, bool | None]], snapshot: int, arrived: int) -> None:
    """The snapshot says that the event is frozen, and the count of that moment may come at any time of the stream."""
    wal = wal_of(show)
    before, after = counted(new_tally(), wal[:snapshot]), wal[snapshot:]
    known = before.events[1]
    anew = new_tally(before.position.lsn, known.on_air)
    if known.on_air.frozen:
        anew.events[1].freeze = EventFreeze(before.position.lsn, 0, None)
    counted(anew, after[:arrived])
    if known.on_air.frozen and not after:
        assert anew.message(1).freeze is None, "nothing is said until it is known"
    at_freeze = (known.freeze.counts or {}) if known.freeze else {}
    anew.add_base(
        {CountKey(1, no): votes for no, votes in known.counts.items()},
        {CountKey(1, no): votes for no, votes in at_freeze.items()},
    )
    assert found(counted(anew, after[arrived:])) == expected(show)
