"""Counts how something ended: ok, by its refusal's code, or failed. So no outcome is a word that a client chose."""

import contextlib
from collections.abc import Iterator

from prometheus_client import Counter

from contract.errors import ContractError


@contextlib.contextmanager
def counted(counter: Counter) -> Iterator[None]:
    """Count how the block ends under the counter's one label; a client that leaves in the midst is a failure, too."""
    outcome = "failed"
    try:
        yield
        outcome = "ok"
    except ContractError as refusal:
        outcome = refusal.code
        raise
    finally:
        counter.labels(outcome).inc()
