"""Where a request comes from, as far as it can be known."""

import functools
import ipaddress

from sanic import Request

IPV6_NETWORK_BITS = 64  # what one household gets
ADDRESSES_REMEMBERED_MAX = 65_536


def address_of(request: Request) -> str:
    """Where a request comes from: the last hop that the edge wrote (it deletes what clients claim), or the peer."""
    return _network_of(request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip() or request.ip)


@functools.lru_cache(ADDRESSES_REMEMBERED_MAX)  # parsing costs ten times as much
def _network_of(written: str) -> str:
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return written
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), IPV6_NETWORK_BITS), strict=False))
