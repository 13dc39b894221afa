"""When the schedule is looked at again."""

import pytest

from command.events.event_schedule import LOOK_S, pause_s


@pytest.mark.parametrize(
    ("next_due_s", "pause"), [(None, LOOK_S), (3600.0, LOOK_S), (LOOK_S / 2, LOOK_S / 2), (-1.0, 0)]
)
def test_the_schedule_is_looked_at_when_something_is_due_and_each_second(
    next_due_s: float | None, pause: float
) -> None:
    """No oftener while nothing is scheduled: each look costs as much as some votes."""
    assert pause_s(next_due_s) == pause
