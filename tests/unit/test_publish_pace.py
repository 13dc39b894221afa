"""When Redis is written, on a clock that the test moves."""

from fanout.publish_pace import PublishPace

FLUSH_S, REFRESH_S = 1, 10


def written(began: float, ended: float) -> PublishPace:
    pace = PublishPace(FLUSH_S, REFRESH_S)
    pace.written(began, ended)
    return pace


def test_the_first_write_is_due_at_once_and_a_refresh() -> None:
    """Whatever the clock says, and whether or not something changed."""
    pace = PublishPace(FLUSH_S, REFRESH_S)
    assert pace.refresh_due(0)
    assert pace.due_at(changed=True) <= 0
    assert pace.due_at(changed=False) <= 0


def test_changes_are_written_at_the_pace_of_the_flush() -> None:
    """From the begin of one write to the next."""
    assert written(100, 100.25).due_at(changed=True) == 101


def test_a_slow_redis_is_left_alone_half_of_the_time() -> None:
    """A write that takes longer than the pace is followed by a pause as long as itself."""
    assert written(100, 103).due_at(changed=True) == 106


def test_a_refresh_is_written_now_and_then() -> None:
    """Whether or not something changes meanwhile: a write before it is due puts it off no further."""
    pace = written(100, 100.25)
    for began in (102, 105, 109):
        assert not pace.refresh_due(began)
        pace.written(began, began)
    assert pace.due_at(changed=False) == 110
    assert pace.refresh_due(111)
    pace.written(111, 111)
    assert pace.due_at(changed=False) == 121


def test_after_a_failure_nothing_is_due_before_the_pause_is_over() -> None:
    """Neither a change nor a refresh."""
    pace = written(100, 100.25)
    pace.put_off(150)
    assert pace.due_at(changed=True) == 150
    assert pace.due_at(changed=False) == 150
