"""What the edge is told. All of it becomes text of Caddy's configuration, so whatever isn't checked here stays out."""

import dataclasses
import ipaddress
import re
import socket
from pathlib import Path

from contract.production import is_loopback
from contract.settings import setting

FOLDER = Path(__file__).parent
AUTOMATIC, INTERNAL = "automatic", "internal"
_DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_FILE = re.compile(r'[^"`{}\s]+')


def port_number(text: str) -> int:
    """A TCP port."""
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise ValueError(f"it must be a port number, not {text}")
    return int(text)


def networks(text: str) -> tuple[str, ...]:
    """Addresses and networks, set apart by commas or spaces."""
    return tuple(str(ipaddress.ip_network(each)) for each in _words(text))


def _addresses(text: str) -> tuple[str, ...]:
    return tuple(str(ipaddress.ip_address(each.strip("[]"))) for each in _words(text))


def _domains(text: str) -> tuple[str, ...]:
    domains = tuple(_words(text))
    if not all(map(_DOMAIN.fullmatch, domains)):
        raise ValueError("it must be a name like vote.show.example")
    return domains


def _certificates(text: str) -> tuple[str, ...]:
    words = tuple(text.split())
    if len(words) == 2 and all(map(_FILE.fullmatch, words)):
        for path in words:
            Path(path).open("rb").close()
    elif words not in ((AUTOMATIC,), (INTERNAL,)):
        raise ValueError(f"it must be {AUTOMATIC}, {INTERNAL}, or the paths of a certificate and its key")
    return words


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _only_this_machine(addresses: tuple[str, ...]) -> None:
    if not all(map(is_loopback, addresses)):
        raise ValueError("it is without TLS, so for this machine only; EDGE_DOMAIN opens the edge to others")


def _known_authority(certificates: tuple[str, ...]) -> None:
    if certificates == (INTERNAL,):
        raise ValueError("no browser knows who signs internal ones")


@dataclasses.dataclass(frozen=True, slots=True)
class Edge:
    """Plain HTTP at EDGE_BIND. With EDGE_DOMAIN also HTTPS, at all addresses or at EDGE_PUBLIC_BIND.

    Certificates are got from a public authority (automatic), from Caddy's own one (internal, for trials), or are files.
    Trusted proxies are load balancers before the edge, which may say where a request comes from.
    """

    port: int = setting("EDGE_PORT", 8080, port_number)
    bind: tuple[str, ...] = setting("EDGE_BIND", ("127.0.0.1",), _addresses, "addresses", check=_only_this_machine)
    domains: tuple[str, ...] = setting("EDGE_DOMAIN", (), _domains, "names")
    certificates: tuple[str, ...] = setting("EDGE_CERTIFICATES", (AUTOMATIC,), _certificates, check=_known_authority)
    public_bind: tuple[str, ...] = setting("EDGE_PUBLIC_BIND", (), _addresses, "addresses")
    http_port: int = setting("EDGE_HTTP_PORT", 80, port_number)
    https_port: int = setting("EDGE_HTTPS_PORT", 443, port_number)
    trusted_proxies: tuple[str, ...] = setting("TRUSTED_PROXIES", (), networks, "addresses and networks")

    def variables(self, origins: tuple[str, ...]) -> dict[str, str]:
        """What stands for these settings in the configuration; pages of these `origins` may read the edge's answers."""
        everywhere = "::" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104  # it is meant to be public
        readable = [f"{origin} {origin}" for origin in origins if origin != "*"]
        return {
            "EDGE_PORT": str(self.port),
            "EDGE_BIND": _written(self.bind),
            "EDGE_DOMAIN": " ".join(self.domains),
            "EDGE_CERTIFICATES": " ".join(self.certificates).removeprefix(AUTOMATIC),
            "EDGE_PUBLIC_BIND": _written(self.public_bind or (everywhere,)),
            "EDGE_HTTP_PORT": str(self.http_port),
            "EDGE_HTTPS_PORT": str(self.https_port),
            "TRUSTED_PROXIES": " ".join(self.trusted_proxies),
            # One of the list is no answer to others: a browser compares.
            "EDGE_READABLE_BY": "\n".join([*readable, f"default {origins[0]}"]),
        }


def _written(addresses: tuple[str, ...]) -> str:
    return " ".join(f"[{each}]" if ":" in each else each for each in addresses)
