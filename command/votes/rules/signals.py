"""What a rule may look for: each takes its limits and gives a pure test of a vote's evidence and counts.

The limits are the parameters, so the rules file is checked against the signatures.
"""

from collections.abc import Callable

from command.votes.rules.evidence import Counts, Evidence

Signal = Callable[[Evidence, Counts], bool]


def new_account() -> Signal:
    """The account was made after the event's opening, or shortly before."""
    return lambda _evidence, counts: counts.is_new


def device_crowd(accounts: int) -> Signal:
    """So many accounts on one device."""
    return lambda _evidence, counts: counts.device_accounts >= accounts


def network_crowd(accounts: int) -> Signal:
    """So many accounts on one network: an IPv4 address or an IPv6 /64."""
    return lambda _evidence, counts: counts.network_accounts >= accounts


def network_crowd_of_new_accounts(accounts: int) -> Signal:
    """A new account, and so many of them on one network."""
    return lambda _evidence, counts: counts.is_new and counts.network_new >= accounts


def hurry(account_s: int, token_s: int, device_gap_ms: int) -> Signal:
    """Less time than a person needs, since account or token were made, or another account voted on the device."""

    def test(evidence: Evidence, counts: Counts) -> bool:
        if evidence.account_s is not None and evidence.account_s < account_s:
            return True
        return evidence.token_s < token_s or (counts.device_gap_ms is not None and counts.device_gap_ms < device_gap_ms)

    return test


def steady_pace(intervals: int) -> Signal:
    """So many intervals in a row between the votes of a device, or of a network, were alike."""
    return lambda _evidence, counts: counts.device_steady >= intervals or counts.network_steady >= intervals


def same_names(accounts: int) -> Signal:
    """So many accounts on one network whose names differ by their digits only."""
    return lambda _evidence, counts: counts.kin_accounts >= accounts


def burst(accounts: int, percent: int) -> Signal:
    """So many new accounts for one contestant, and so large a share of the event's new accounts."""
    return lambda _evidence, counts: (
        counts.contestant_new >= accounts and counts.contestant_new * 100 >= percent * counts.event_new
    )


SIGNALS: dict[str, Callable[..., Signal]] = {
    made.__name__: made
    for made in (
        new_account,
        device_crowd,
        network_crowd,
        network_crowd_of_new_accounts,
        hurry,
        steady_pace,
        same_names,
        burst,
    )
}
