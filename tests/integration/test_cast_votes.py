"""The ledger's only door, called by SQL as the command role calls it."""

import concurrent.futures
import dataclasses
import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest
from psycopg import sql

from contract.pseudonym import voter_of
from ops.rig.database import Database
from ops.rig.event import Event, change_status, make_event

CAST = """SELECT vote_index, kind, stored_at FROM cast_votes(
    %(event_no)s::int, %(event_id)s::uuid, coalesce(%(at)s, clock_timestamp()), %(voters)s::bytea[],
    %(contestants)s::smallint[], %(nulls)s::bigint[], %(nulls)s::text[], %(seals)s::bytea[], %(refused)s::smallint[])"""


@pytest.fixture
def service(database: Database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database.url("vote_command"), autocommit=True) as connection:
        yield connection


def person(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()[:12]


@dataclasses.dataclass
class Batch:
    """Votes of one event: names of voters and contestant numbers."""

    event: Event
    names: Sequence[str]
    contestants: Sequence[int]
    refused: Sequence[int] = ()
    at: object = None

    def cast(self, connection: psycopg.Connection, statement: str = CAST) -> dict[int, int]:
        """The kinds of what was not newly accepted, by index from 1."""
        size = len(self.names)
        arguments: dict[str, Any] = {
            "event_no": self.event.event_no,
            "event_id": self.event.event_id,
            "at": self.at,
            "voters": [person(name) for name in self.names],
            "contestants": list(self.contestants),
            "nulls": [None] * size,
            "seals": [b"s" * 16] * size,
            "refused": list(self.refused) or [0] * size,
        }
        return {index: kind for index, kind, _ in connection.execute(statement, arguments).fetchall()}


def ledger(connection: psycopg.Connection, event: Event) -> dict[bytes, int]:
    rows = connection.execute("SELECT voter, contestant_no FROM votes WHERE event_no = %s", [event.event_no])
    return {bytes(voter): contestant for voter, contestant in rows.fetchall()}


def test_a_batch_of_new_votes_answers_nothing(owner: psycopg.Connection, service: psycopg.Connection) -> None:
    """No row means: accepted at the batch's time."""
    event = make_event(owner)
    assert Batch(event, ["a", "b"], [1, 2]).cast(service) == {}
    assert ledger(owner, event) == {person("a"): 1, person("b"): 2}


def test_one_voter_twice_in_a_batch_gets_two_right_answers(
    owner: psycopg.Connection, service: psycopg.Connection
) -> None:
    """The first of the two stands; the second is the same vote again, or a duplicate."""
    event = make_event(owner)
    answers = Batch(event, ["a", "b", "a", "b"], [1, 1, 1, 2]).cast(service)
    assert (answers[3], answers[4]) == (1, 2)
    assert ledger(owner, event) == {person("a"): 1, person("b"): 1}


def test_a_votes_time_lies_within_an_opening(owner: psycopg.Connection, service: psycopg.Connection) -> None:
    """A batch that was stamped before the opening or the resume, or by a clock that is off, has to come again."""
    event = make_event(owner)
    [(now, ahead)] = owner.execute("SELECT clock_timestamp(), clock_timestamp() + interval '3 seconds'").fetchall()
    for moment, reason in (("2020-01-01", "clock is off"), (ahead, "in the future")):
        with pytest.raises(psycopg.Error, match=reason):
            Batch(event, ["a"], [1], at=moment).cast(service)
    by = "ROW(gen_random_uuid(), 'host', 'test')::actor"
    owner.execute(f"SELECT change_status(%s, 'pause', {by}, NULL, NULL)", [event.event_id])
    assert Batch(event, ["a"], [1], at=now).cast(service) == {1: 7}
    owner.execute(f"SELECT change_status(%s, 'resume', {by}, NULL, NULL)", [event.event_id])
    with pytest.raises(psycopg.Error, match="before the opening"):
        Batch(event, ["a"], [1], at=now).cast(service)
    assert Batch(event, ["a"], [1]).cast(service) == {}


def test_an_unknown_contestant_or_a_refused_vote_does_not_hurt_its_neighbours(
    owner: psycopg.Connection, service: psycopg.Connection
) -> None:
    """Each vote of a batch gets its own answer, and only the good ones are inserted."""
    event = make_event(owner)
    answers = Batch(event, ["a", "b", "c"], [1, 9, 2], refused=[0, 0, 5]).cast(service)
    assert (answers[2], answers[3]) == (0, 5)
    assert ledger(owner, event) == {person("a"): 1}


def test_the_row_that_is_there_decides_before_the_gate(owner: psycopg.Connection, service: psycopg.Connection) -> None:
    """After the close a retry gets its first answer, another contestant is a duplicate, a new voter is refused."""
    event = make_event(owner)
    Batch(event, ["a"], [1]).cast(service)
    change_status(owner, event.event_id, "close")
    assert Batch(event, ["a", "a", "b"], [1, 2, 1]).cast(service) == {1: 1, 2: 2, 3: 4}


def test_what_was_inserted_needs_no_answer(owner: psycopg.Connection, service: psycopg.Connection) -> None:
    """Among retries a new vote gets no row, and each answer is at its vote's place in the batch."""
    event = make_event(owner)
    Batch(event, ["a", "b"], [1, 1]).cast(service)
    for new in ("c", "d"):
        assert Batch(event, [new, "a", "x", "b"], [1, 1, 9, 2]).cast(service) == {2: 1, 3: 0, 4: 2}
    assert Batch(event, ["e", "e", "a", "e"], [1, 1, 1, 2]).cast(service) == {1: 1, 2: 1, 3: 1, 4: 2}


def test_once_there_was_a_retry_nothing_is_inserted_in_vain(owner: psycopg.Connection) -> None:
    """While votes come again, a batch writes the new ones and no row that a conflict makes a dead one."""
    event = make_event(owner)
    written = "SELECT coalesce(sum(n_tup_ins), 0) FROM pg_stat_xact_user_tables WHERE relname ~ '^votes_e'"
    names = [str(number) for number in range(50)]
    Batch(event, names[:10], [1] * 10).cast(owner)
    Batch(event, names[:20], [1] * 20).cast(owner)
    later = "SELECT set_config('vote.unsettled_at', (current_setting('vote.unsettled_at')::float8 + 9999)::text, false)"
    owner.execute(later)  # however slow this machine is: while votes come again
    with owner.transaction():
        before = owner.execute(written).fetchone()
        Batch(event, names, [1] * 50).cast(owner)
        after = owner.execute(written).fetchone()
    assert before
    assert after
    assert after[0] - before[0] == 30


def test_a_batch_locks_its_own_event_only(owner: psycopg.Connection) -> None:
    """However often a connection has cast, with retries or without: no other event's partition is locked."""
    event, *_ = [make_event(owner) for _ in range(3)]
    locked = """SELECT DISTINCT relation::regclass::text FROM pg_locks
        WHERE pid = pg_backend_pid() AND relation::regclass::text ~ '^vote(s|_rejections)_e[0-9]+(_p[0-9]+)?$'"""
    for number in range(20):
        with owner.transaction():
            Batch(event, [str(number // 2), str(number)], [1, 9]).cast(owner)
            names = [str(name) for (name,) in owner.execute(locked)]
            assert names
            assert all(re.findall("_e[0-9]+", name) == [f"_e{event.event_no}"] for name in names)


def test_evidence_is_kept_once_per_voter_and_kind(owner: psycopg.Connection, service: psycopg.Connection) -> None:
    """A flood of refused attempts leaves one row."""
    event = make_event(owner, "closed")
    for _ in range(3):
        Batch(event, ["a", "a", "b"], [1, 2, 1]).cast(service)
    rows = owner.execute("SELECT voter, kind FROM vote_rejections WHERE event_no = %s", [event.event_no]).fetchall()
    assert sorted((bytes(voter), kind) for voter, kind in rows) == sorted([(person("a"), 4), (person("b"), 4)])


def test_a_loser_of_a_race_learns_of_the_winner(
    owner: psycopg.Connection, service: psycopg.Connection, database: Database
) -> None:
    """A batch that meets an uncommitted vote waits for it, then answers by what was committed."""
    event = make_event(owner)
    with psycopg.connect(database.url("vote_command")) as winner, concurrent.futures.ThreadPoolExecutor() as pool:
        Batch(event, ["a", "b"], [1, 1]).cast(winner)
        loser = pool.submit(Batch(event, ["a", "b", "c"], [1, 2, 1]).cast, service)
        wait_until_blocked(owner, service)
        winner.commit()
        assert {index: kind for index, kind in loser.result().items() if index < 3} == {1: 1, 2: 2}
    assert ledger(owner, event) == {person("a"): 1, person("b"): 1, person("c"): 1}


def test_batches_in_opposite_orders_do_not_deadlock(owner: psycopg.Connection, database: Database) -> None:
    """The same voters in opposite orders, in many batches at once: each voter has one vote, nobody an error."""
    event = make_event(owner)
    names = [str(number) for number in range(200)]

    def run(order: Sequence[str]) -> None:
        with psycopg.connect(database.url("vote_command"), autocommit=True) as connection:
            for start in range(0, 200, 50):
                Batch(event, order[start : start + 50], [1] * 50).cast(connection)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(run, [names, names[::-1]] * 4))
    assert len(ledger(owner, event)) == 200


def test_close_waits_for_batches_in_flight_and_stops_later_ones(
    owner: psycopg.Connection, service: psycopg.Connection, database: Database
) -> None:
    """A close returns only after an uncommitted batch has ended, and nothing is accepted after it."""
    event = make_event(owner)
    with psycopg.connect(database.url("vote_command")) as voting, concurrent.futures.ThreadPoolExecutor() as pool:
        Batch(event, ["a"], [1]).cast(voting)
        closing = pool.submit(change_status, service, event.event_id, "close")
        wait_until_blocked(owner, service)
        voting.commit()
        closing.result()
    with psycopg.connect(database.url("vote_command"), autocommit=True) as late:
        assert Batch(event, ["b"], [1]).cast(late) == {1: 4}
    assert ledger(owner, event) == {person("a"): 1}


@pytest.mark.parametrize("isolation", [psycopg.IsolationLevel.REPEATABLE_READ, psycopg.IsolationLevel.SERIALIZABLE])
def test_an_old_snapshot_is_refused(
    owner: psycopg.Connection, database: Database, isolation: psycopg.IsolationLevel
) -> None:
    """The gate must be read after the lock: any other isolation is an error."""
    event = make_event(owner)
    with psycopg.connect(database.url("vote_command")) as connection:
        connection.isolation_level = isolation
        with pytest.raises(psycopg.Error, match="READ COMMITTED"):
            Batch(event, ["a"], [1]).cast(connection)


@pytest.mark.parametrize("level", ["off", "local", "remote_write"])
def test_a_commit_that_might_not_last_is_refused(
    owner: psycopg.Connection, service: psycopg.Connection, level: str
) -> None:
    """The call looks at the connection's synchronous_commit itself, whenever it was changed."""
    event = make_event(owner)
    service.execute(sql.SQL("SET synchronous_commit = {}").format(level))
    with pytest.raises(psycopg.Error, match=f"synchronous_commit is {level}"):
        Batch(event, ["a"], [1]).cast(service)
    assert ledger(owner, event) == {}


def test_a_number_that_belongs_to_another_event_is_refused(
    owner: psycopg.Connection, service: psycopg.Connection
) -> None:
    """A caller who remembers an event by a number that isn't its own any more changes nothing."""
    event, other = make_event(owner), make_event(owner)
    with pytest.raises(psycopg.Error, match="no such event") as refused:
        Batch(dataclasses.replace(event, event_id=other.event_id), ["a"], [1]).cast(service)
    assert refused.value.sqlstate == "VT404"
    assert ledger(owner, event) == {}


def test_the_hours_are_the_databases(owner: psycopg.Connection, service: psycopg.Connection) -> None:
    """After closes_at nothing is accepted although nobody has closed the event; the schedule makes it a fact."""
    event = make_event(owner, closes_at="2020-01-01T00:00:00Z")
    assert Batch(event, ["a"], [1]).cast(service) == {1: 4}
    service.execute("SELECT carry_out(event_id, becomes, NULL, NULL) FROM due_changes()")
    status = owner.execute("SELECT status FROM events WHERE event_no = %s", [event.event_no]).fetchone()
    assert status == ("closed",)


def test_sql_recomputes_the_pseudonym(owner: psycopg.Connection) -> None:
    """An auditor with a seed finds the vote by plain SQL."""
    seed = bytes(range(32))
    row = owner.execute("SELECT substr(sha256(%s::bytea || int4send(%s)), 1, 12)", [seed, 77]).fetchone()
    assert row
    assert bytes(row[0]) == voter_of(seed, 77)


def wait_until_blocked(observer: psycopg.Connection, waiting: psycopg.Connection) -> None:
    """Return once the other connection's statement waits for a lock (pg_stat_activity is the signal)."""
    pid = waiting.info.backend_pid
    query = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s"
    while observer.execute(query, [pid]).fetchone() != (True,):
        pass


def test_a_batch_of_retries_looks_each_vote_up_and_scans_nothing(owner: psycopg.Connection) -> None:
    """Of a young event the planner knows nothing, and must still go by the primary key: one row read for each vote."""
    event = make_event(owner, expected_votes=10_000_000)
    names = [str(number) for number in range(600)]
    for start in range(0, 600, 200):
        Batch(event, names[start : start + 200], [1] * 200).cast(owner)
    with owner.transaction():
        answers = Batch(event, names[:200], [1] * 200).cast(owner)
        read = owner.execute(
            "SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables WHERE relname ~ '^votes_e'"
        ).fetchone()
    assert set(answers.values()) == {1}
    assert read
    assert read[0] <= 400  # once for the conflict, once for the answer
