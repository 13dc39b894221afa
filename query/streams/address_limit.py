"""How many streams one address may hold, counted in this process. A carrier's NAT holds thousands of honest viewers."""

import contextlib
from collections import Counter
from collections.abc import Iterator

from sanic import Request

from contract.errors import TooMany
from contract.web.client_address import address_of


class AddressLimit:
    """At most so many at a time."""

    def __init__(self, clients_max: int) -> None:
        self._clients_max = clients_max
        self._clients: Counter[str] = Counter()

    @contextlib.contextmanager
    def admit(self, request: Request) -> Iterator[None]:
        """Count this client until the end of the block; raises `TooMany`."""
        address = address_of(request)
        if self._clients[address] >= self._clients_max:
            raise TooMany("too many streams from this address, come back in a moment")
        self._clients[address] += 1
        try:
            yield
        finally:
            self._clients[address] -= 1
            if not self._clients[address]:
                del self._clients[address]
