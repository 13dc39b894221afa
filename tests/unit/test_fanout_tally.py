"""Tallies and what is confirmed of them, against every order of reading, storing, failing and reading again."""

import copy
from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from contract.position import Position
from contract.standings import EventChange, OnAir
from fanout.checkpoint import Checkpoint, CheckpointPace, lsn_to_confirm
from fanout.slot_state import SlotState, WalHistory, why_rebuild
from fanout.tally import EventTally, Tally, digest_of, in_turn
from fanout.wal_decoder import CountKey, Transaction

OPEN = OnAir(0, "open")
keys = st.builds(CountKey, st.integers(1, 3), st.integers(1, 3))
histories = st.lists(st.dictionaries(keys, st.integers(1, 1000)), min_size=1).map(
    lambda commits: [Transaction(10 * (n + 1), n, counts, {}) for n, counts in enumerate(commits)]
)


def new_tally(lsn: int = 0, epoch: int = 1, events: dict[int, EventTally] | None = None) -> Tally:
    return Tally("main", epoch, Position(1, 1, lsn), events or {})


def counts_of(tally: Tally) -> dict[CountKey, int]:
    return {CountKey(no, contestant): n for no, event in tally.events.items() for contestant, n in event.counts.items()}


def total(history: Sequence[Transaction]) -> Counter[CountKey]:
    counted = Counter[CountKey]()
    for transaction in history:
        counted.update(transaction.votes)
    return counted


@given(histories, st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50))))
def test_replays_double_nothing(history: list[Transaction], replays: list[tuple[int, int]]) -> None:
    """However often parts of the history come again, each commit is counted once."""
    tally = new_tally()
    for end, again_from in replays:
        for transaction in history[min(again_from, end) : end]:
            if transaction.end_lsn <= tally.position.lsn + 10:  # a stream has no gaps
                tally.apply(transaction)
    for transaction in history:
        tally.apply(transaction)
    assert counts_of(tally) == total(history)
    assert tally.position.lsn == history[-1].end_lsn


@given(histories, st.integers(0, 50), st.integers(0, 50))
def test_base_and_stream_add_up_in_any_order(history: list[Transaction], snapshot: int, arrived: int) -> None:
    """The recount of what was before may come at any moment of the stream after it."""
    before, after = history[:snapshot], history[snapshot:]
    tally = new_tally(before[-1].end_lsn if before else 0)
    for transaction in after[:arrived]:
        tally.apply(transaction)
    tally.add_base(total(before), {})
    for transaction in after[arrived:]:
        tally.apply(transaction)
    assert counts_of(tally) == total(history)
    assert dict(tally.take_unsaved()) == counts_of(tally)
    assert tally.unpublished == set(tally.events)


@given(histories, st.integers(0, 50))
def test_stored_counts_are_absolute(history: list[Transaction], middle: int) -> None:
    """Writing down what changed, whenever, gives the whole in the end."""
    tally, stored = new_tally(), dict[CountKey, int]()
    for number, transaction in enumerate(history):
        tally.apply(transaction)
        if number == middle:
            stored.update(tally.take_unsaved())
    stored.update(tally.take_unsaved())
    assert stored == counts_of(tally)
    assert not tally.has_unsaved


def test_versions_follow_the_commits_of_the_event() -> None:
    """An event's message carries the end and the time of the last commit that changed it, not of others."""
    tally = new_tally(events={1: EventTally("one", OPEN), 2: EventTally("two", OPEN)})
    tally.apply(Transaction(10, 5, {CountKey(1, 1): 3}, {}))
    tally.apply(Transaction(20, 6, {CountKey(2, 1): 1}, {2: EventChange(2, "other", "closed", "")}))
    tally.advance(30)
    one, two = tally.message(1), tally.message(2)
    assert (one.lsn, one.as_of, one.counts, one.status) == (10, "1970-01-01T00:00:00.000005Z", {1: 3}, "open")
    assert (two.lsn, two.as_of, two.status, two.event_id) == (20, "1970-01-01T00:00:00.000006Z", "closed", "two")
    assert tally.position.lsn == 30


def test_the_position_never_goes_back() -> None:
    """A keepalive of before says nothing new."""
    tally = new_tally(50)
    tally.advance(0)
    tally.advance(49)
    assert tally.position.lsn == 50


@given(st.dictionaries(keys, st.integers(1, 9)), st.integers(1, 9))
def test_parts_hold_all_that_is_saved_once(saved: dict[CountKey, int], rows_max: int) -> None:
    """Each part is small, each event is in one, and every number that an event could have lies in one of them."""
    tally = new_tally()
    tally.add_saved(saved)
    parts = list(tally.parts(rows_max))
    assert [part.first_no for part in parts] == [-(2**31), *(part.last_no + 1 for part in parts[:-1])]
    assert parts[-1].last_no == 2**31 - 1
    looked_at = [tally.saved_in(part) for part in parts]
    assert sum(map(len, looked_at)) == len(saved)
    assert {key: votes for part in looked_at for key, votes in part.items()} == saved
    for part, counts in zip(parts, looked_at, strict=True):
        assert all(part.first_no <= key.event_no <= part.last_no for key in counts)
        assert len(counts) <= rows_max or len({key.event_no for key in counts}) == 1


def test_what_was_made_since_belongs_to_a_part() -> None:
    """Parts are made for a whole turn; an event that came meanwhile is expected where its number lies."""
    tally = new_tally()
    tally.add_saved({CountKey(1, 1): 5, CountKey(3, 1): 5})
    parts = list(tally.parts(1))
    tally.add_saved({CountKey(2, 1): 7, CountKey(4, 1): 7})
    assert [len(tally.saved_in(part)) for part in parts] == [2, 2]


def test_events_that_are_over_are_seldom_looked_at() -> None:
    """Every part comes once a turn; the only one with an event under way comes again after each other one."""
    statuses = ["closed", "cancelled", "open", "closed"]
    events = {no: EventTally("", OnAir(0, status), counts={1: 1}) for no, status in enumerate(statuses)}
    tally = new_tally(events=events)
    parts = list(tally.parts(1))
    live = parts[2]
    assert list(in_turn(parts)) == [parts[0], live, parts[1], live, live, parts[3], live]
    assert list(in_turn(parts[:2])) == parts[:2]


class Crashes(RuleBasedStateMachine):
    """A slot, a stored checkpoint and a process that reads, stores, confirms, recounts and dies in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.wal: list[Transaction] = []
        self.slot: int | None = 0  # what is confirmed
        self.stored = Checkpoint(1, Position(1, 1, 0), 0, 0)
        self.stored_counts: dict[CountKey, int] = {}
        self.sent: tuple[Checkpoint, dict[CountKey, int]] | None = None
        self.recount: Counter[CountKey] | None = None
        self.replace_all = False
        self.start()

    def start(self) -> None:
        """A process begins with what is stored, or makes the slot anew, as the real one decides."""
        saved = self.saved()
        slot = None if self.slot is None else SlotState(self.slot, active=False, lost=False)
        self.known, self.sent, self.recount = self.stored, None, None
        if why_rebuild(slot, self.stored, saved, WalHistory(1, 1)):
            self.slot = self.wal[-1].end_lsn if self.wal else 0
            self.tally = new_tally(self.slot, self.stored.epoch + 1)
            self.recount = total(self.wal)
            self.replace_all = True
        else:
            self.tally = saved
        self.stream = [transaction for transaction in self.wal if transaction.end_lsn > (self.slot or 0)]

    def saved(self) -> Tally:
        """What is stored, as it is read at a start."""
        tally = new_tally(self.stored.position.lsn, self.stored.epoch)
        for key, count in self.stored_counts.items():
            tally.add_saved({key: count})
        return tally

    @rule(counts=st.dictionaries(keys, st.integers(1, 9)))
    def commit(self, counts: dict[CountKey, int]) -> None:
        """Votes are committed."""
        transaction = Transaction(10 * (len(self.wal) + 1), 0, counts, {})
        self.wal.append(transaction)
        self.stream.append(transaction)

    @precondition(lambda self: self.stream)
    @rule()
    def read(self) -> None:
        """The next commit arrives."""
        self.tally.apply(self.stream.pop(0))

    @precondition(lambda self: self.recount is not None)
    @rule()
    def finish_recount(self) -> None:
        """The count of what was before the slot arrives."""
        assert self.recount is not None
        self.tally.add_base(self.recount, {})
        self.recount = None

    @precondition(lambda self: not self.sent and self.recount is None)
    @rule()
    def begin_checkpoint(self) -> None:
        """A checkpoint is sent."""
        changed = self.tally.take_unsaved()
        self.sent = Checkpoint(self.tally.epoch, self.tally.position, 0, self.tally.digest), changed

    @precondition(lambda self: self.sent)
    @rule(told=st.booleans())
    def store_checkpoint(self, *, told: bool) -> None:
        """Postgres has stored it; the answer may be lost, then the process dies."""
        assert self.sent
        self.stored, changed = self.sent
        if self.replace_all:
            self.stored_counts.clear()
            self.replace_all = False
        self.stored_counts.update(changed)
        if told:
            self.known, self.sent = self.stored, None
        else:
            self.start()

    @rule()
    def report(self) -> None:
        """The slot is told what it may forget."""
        recounted_to = None if self.recount is None else self.tally.position.lsn
        assert self.slot is not None
        self.slot = max(self.slot, lsn_to_confirm(self.known, self.tally.epoch, recounted_to))

    @rule(slot_lost=st.booleans())
    def die(self, *, slot_lost: bool) -> None:
        """Another process starts from what is stored, and the slot, if it is there, sends what wasn't confirmed."""
        if slot_lost:
            self.slot = None
        self.start()

    @rule(key=keys, count=st.none() | st.integers(0, 9))
    def edit(self, key: CountKey, count: int | None) -> None:
        """Another hand changes, adds or removes a stored row while nobody counts."""
        if count is None:
            self.stored_counts.pop(key, None)
        else:
            self.stored_counts[key] = count
        self.start()

    @invariant()
    def every_commit_is_counted_once(self) -> None:
        """What is counted and what is still to come make the whole."""
        counted = copy.deepcopy(self.tally)
        for transaction in self.stream:
            counted.apply(transaction)
        if self.recount is not None:
            counted.add_base(self.recount, {})
        assert counts_of(counted) == total(self.wal)

    @invariant()
    def the_digest_is_of_what_is_saved(self) -> None:
        """Kept up by what changes, it equals the digest of the whole."""
        if self.tally.has_unsaved or self.recount is not None:
            return
        assert self.tally.digest == digest_of(counts_of(self.tally))


TestCrashes = Crashes.TestCase

positions = st.builds(Position, st.integers(1, 2), st.integers(1, 2), st.integers(1, 2**64 - 1))


checkpoints = st.none() | st.builds(Checkpoint, st.integers(1, 3), positions, st.just(0), st.just(0))


@given(checkpoints, st.integers(1, 3))
def test_only_a_checkpoint_of_this_epoch_is_confirmed(stored: Checkpoint | None, epoch: int) -> None:
    """An older epoch's LSN may be of another system, timeline or slot: nothing is confirmed by it."""
    confirmed = lsn_to_confirm(stored, epoch)
    assert confirmed == (stored.position.lsn if stored and stored.epoch == epoch else 0)


@given(checkpoints, st.integers(1, 3), st.integers(1, 2**64 - 1))
def test_a_recount_holds_no_wal(stored: Checkpoint | None, epoch: int, recounted_to: int) -> None:
    """While it runs, what is stored fits no slot, and what has been streamed can go."""
    assert lsn_to_confirm(stored, epoch, recounted_to) == recounted_to


def test_an_idle_source_stores_rarely() -> None:
    """Storing moves the WAL, so movement alone must not cause storing at the busy pace."""
    pace = CheckpointPace(busy_s=1, idle_s=10)
    assert pace.due(1.0, counted=True, moved=True)
    assert not pace.due(0.9, counted=True, moved=True)
    assert not pace.due(9.9, counted=False, moved=True)
    assert pace.due(10.0, counted=False, moved=True)
    assert not pace.due(99.0, counted=False, moved=False)
