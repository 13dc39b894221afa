"""Where a request comes from, as far as it can be known."""

import ipaddress

from sanic import Request

IPV6_NETWORK_BITS = 64  # what one household gets


def address_of(request: Request) -> str:
    """Where a request comes from: the last hop that the edge wrote (it deletes what clients claim), or the peer."""
    written = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip() or request.ip
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return written
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), IPV6_NETWORK_BITS), strict=False))
