"""When what is stored can't be relied on, fanout notices it, says so, and counts the ledger anew."""

import signal

import psycopg
import pytest

from ops.rig.database import Database
from ops.rig.dba_scripts import run_script
from ops.rig.event import Event, change_status, make_event
from ops.rig.eventually import eventually
from ops.rig.fanout_process import FanoutProcess
from ops.rig.oracle import check_agreement, check_shown, counts_in_checkpoint, counts_in_ledger, tally_in_redis
from ops.rig.screen import Screen
from ops.rig.votes import cast

EDITS = {
    "changed": "UPDATE tallies SET votes = votes + 1 WHERE contestant_no = 1",
    "swapped": "UPDATE tallies SET votes = 12 - votes",
    "deleted": "DELETE FROM tallies WHERE contestant_no = 1",
    "invented": "INSERT INTO tallies VALUES (1, 77, 3)",
}
MORE_VOTES = """
    INSERT INTO votes_e1
    SELECT voted_at, device, event_no, contestant_no, region, substr(sha256(voter), 1, 12), seal FROM votes_e1"""


@pytest.fixture
def event(owner: psycopg.Connection) -> Event:
    """An event with 5 and 7 votes."""
    event = make_event(owner)
    cast(owner, event, 1, 5)
    cast(owner, event, 2, 7)
    return event


def epoch_of(redis_url: str, event: Event) -> int:
    """The epoch that readers see, 0 when they see nothing."""
    tally = tally_in_redis(redis_url, event)
    return tally.epoch if tally else 0


def test_who_keeps_a_slot_from_being_made_is_named(
    owner: psycopg.Connection, database: Database, redis_url: str, event: Event
) -> None:
    """Making a slot waits for running transactions: /ready names them, SIGTERM ends the wait, and no slot stays."""
    fanout = FanoutProcess(database.url("vote_fanout"), redis_url)
    slots = "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()"
    with psycopg.connect(database.url(), application_name="a long report") as blocker:
        cast(blocker, event, 1, 1)
        named = f"postgres a long report (pid {blocker.info.backend_pid})"
        with fanout.running(ready=False):
            eventually(lambda: named in fanout.get("/ready")[1], "the blocker is named")
            fanout.send_signal(signal.SIGTERM)
            fanout.wait()
        eventually(lambda: owner.execute(slots).fetchone() == (0,), "nothing is left of the slot")
        with fanout.running(ready=False):
            eventually(lambda: named in fanout.get("/ready")[1], "the blocker is named again")
            blocker.commit()
            eventually(fanout.is_ready, "it counts")
            check_agreement(database, redis_url, [event])


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_tallies_edited_beside_a_running_fanout(
    owner: psycopg.Connection, database: Database, redis_url: str, event: Event, edit: str
) -> None:
    """What another hand changes in the stored tallies is written again from memory; nobody sees another number."""
    with FanoutProcess(database.url("vote_fanout"), redis_url, IDLE_CHECKPOINT_MS="300").running() as fanout:
        check_agreement(database, redis_url, [event])
        owner.execute(edit)
        eventually(lambda: counts_in_checkpoint(database) == counts_in_ledger(database), "repaired")
        assert "vote_fanout_repairs_total 1.0" in fanout.get("/metrics")[1]
        check_shown(database, redis_url, [event])
        assert epoch_of(redis_url, event) == 1


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_tallies_edited_while_nobody_counts(
    owner: psycopg.Connection, database: Database, redis_url: str, event: Event, edit: str
) -> None:
    """A start doesn't go on from tallies that another hand has changed: it counts the ledger."""
    fanout = FanoutProcess(database.url("vote_fanout"), redis_url)
    with fanout.running():
        check_agreement(database, redis_url, [event])
    owner.execute(edit)
    with Screen(redis_url).watching() as screen, fanout.running():
        check_agreement(database, redis_url, [event])
        assert epoch_of(redis_url, event) == 2
    assert not screen.falls


def test_a_dba_asks_for_a_recount(owner: psycopg.Connection, database: Database, redis_url: str, event: Event) -> None:
    """request_recount() makes a running fanout count the ledger anew within its idle pace."""
    with FanoutProcess(database.url("vote_fanout"), redis_url, IDLE_CHECKPOINT_MS="300").running():
        check_agreement(database, redis_url, [event])
        owner.execute("SELECT request_recount()")
        eventually(lambda: epoch_of(redis_url, event) > 1, "a new epoch is shown")
        check_agreement(database, redis_url, [event])


def test_votes_that_come_with_a_partition_are_counted(
    owner: psycopg.Connection, database: Database, redis_url: str, event: Event
) -> None:
    """030 attaches an archived event as it was without a recount; told to, it has one with other rows counted."""
    fanout = FanoutProcess(database.url("vote_fanout"), redis_url, IDLE_CHECKPOINT_MS="300")
    with fanout.running(), Screen(redis_url).watching() as screen:
        change_status(owner, event.event_id, "close")
        check_agreement(database, redis_url, [event])
        run_script(database, "020_detach_event.sql", event_no=event.event_no)
        run_script(database, "030_attach_event.sql", event_no=event.event_no)
        check_agreement(database, redis_url, [event])
        assert epoch_of(redis_url, event) == 1
        run_script(database, "020_detach_event.sql", event_no=event.event_no)
        owner.execute(MORE_VOTES)
        run_script(database, "030_attach_event.sql", event_no=event.event_no, recount=1)
        eventually(lambda: epoch_of(redis_url, event) > 1, "a new epoch is shown")
        check_agreement(database, redis_url, [event])
    assert not screen.falls


def test_a_lost_checkpoint_is_outranked(
    owner: psycopg.Connection, database: Database, redis_url: str, event: Event
) -> None:
    """No epoch goes below one that was shown, even if Postgres has forgotten it: readers would ignore its numbers."""
    fanout = FanoutProcess(database.url("vote_fanout"), redis_url)
    with fanout.running():
        check_agreement(database, redis_url, [event])
    owner.execute("SELECT request_recount()")
    with fanout.running():
        check_agreement(database, redis_url, [event])
    before = epoch_of(redis_url, event)
    owner.execute("DELETE FROM fanout_checkpoint")
    with fanout.running():
        check_agreement(database, redis_url, [event])
        assert epoch_of(redis_url, event) >= before
