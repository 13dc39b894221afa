"""How long one waits before another try."""

from contract.backoff import Backoff


def test_pauses_double_up_to_the_most_and_begin_again() -> None:
    """Each is jittered between half of it and all of it."""
    backoff = Backoff(1, 5)
    for most_s in (1, 2, 4, 5, 5):
        assert most_s / 2 <= backoff.next_s() <= most_s
    assert backoff.failures == 5
    backoff.reset()
    assert backoff.failures == 0
    assert 0.5 <= backoff.next_s() <= 1


def test_any_number_of_failures_has_a_pause() -> None:
    """A year of failures overflows nothing."""
    backoff = Backoff(0.05, 2)
    backoff.failures = 10_000_000
    assert 1 <= backoff.next_s() <= 2
