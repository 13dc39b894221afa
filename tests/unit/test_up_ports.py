"""Which ports the inner servers get."""

import socket
from pathlib import Path

from ops.embedded import ports

NAMES = ["postgres", "valkey", "command"]


def test_kept_ports_stay() -> None:
    """A port that is free stays with its name over a restart."""
    kept = {"postgres": 15_001, "valkey": 15_002, "command": 15_003}
    assert ports.choose(NAMES, kept, lambda _: True) == kept


def test_only_taken_port_moves() -> None:
    """A port that somebody else has taken is replaced; the others stay."""
    kept = {"postgres": 15_001, "valkey": 15_002, "command": 15_003}
    chosen = ports.choose(NAMES, kept, lambda port: port != 15_002)
    assert chosen.pop("valkey") not in {15_001, 15_002, 15_003}
    assert chosen == {"postgres": 15_001, "command": 15_003}


def test_no_two_alike() -> None:
    """However few ports are free, no two names share one."""
    free = {ports.LOWEST + number for number in (1, 2, 3)}
    assert set(ports.choose(NAMES, {}, lambda port: port in free).values()) == free


def test_below_outgoing_ports() -> None:
    """No port is one that the kernel gives to outgoing connections, which could keep a server from coming back."""
    lowest_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert max(ports.choose([str(n) for n in range(1000)], {}, lambda _: True).values()) < lowest_outgoing


def test_listening_port_is_taken() -> None:
    """A port on which somebody listens isn't free, and is free again once nobody does."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert not ports.is_free(port)
    assert ports.is_free(port)


def test_file_names_exactly_what_is_wanted(tmp_path: Path) -> None:
    """Names that are gone are forgotten, new ones get a port, and a second reading finds the same."""
    first = ports.keep(tmp_path / "ports.json", ["postgres", "old"])
    second = ports.keep(tmp_path / "ports.json", ["postgres", "new"])
    assert second == {"postgres": first["postgres"], "new": second["new"]}
    assert ports.keep(tmp_path / "ports.json", ["postgres", "new"]) == second
