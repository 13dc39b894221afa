"""Where votes come from: by a database of countries and the address that the edge tells; it never costs a vote."""

from pathlib import Path

import aiohttp
import netaddr
import psycopg
import pytest
from mmdb_writer import MMDBWriter

from command.votes.region_finder import RegionFinder
from ops.rig.database import Database
from ops.rig.event import make_event
from ops.rig.people import TokenMint
from ops.rig.service import command_process
from ops.rig.votes import vote_of

COUNTRIES = {"203.0.113.0/24": "DE", "2001:db8::/32": "BR", "198.51.100.0/24": "deu"}


@pytest.fixture(scope="module")
def countries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as MaxMind makes them, of a few networks."""
    path = tmp_path_factory.mktemp("regions") / "countries.mmdb"
    writer = MMDBWriter(6, "Countries", ipv4_compatible=True)
    for network, code in COUNTRIES.items():
        writer.insert_network(netaddr.IPSet([network]), {"country": {"iso_code": code}})
    writer.insert_network(netaddr.IPSet(["192.0.2.0/24"]), {"continent": {"code": "EU"}})
    writer.to_db_file(str(path))
    return path


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ("203.0.113.9", "DE"),
        ("2001:db8:1:2::/64", "BR"),
        ("2001:db8::1", "BR"),
        ("192.0.2.1", None),
        ("198.51.100.1", None),
        ("127.0.0.1", None),
        ("no address", None),
        ("", None),
    ],
)
def test_country_of_an_address(countries: Path, address: str, region: str | None) -> None:
    """Two letters, or nothing where nothing is known."""
    assert RegionFinder(str(countries)).region_of(address) == region


@pytest.mark.parametrize("kept", [b"", b"no database", None])
def test_broken_database(countries: Path, tmp_path: Path, kept: bytes | None) -> None:
    """Whatever is wrong with the file, cut in half among it, addresses have no region and nothing is raised."""
    broken, whole = tmp_path / "broken.mmdb", countries.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2] if kept is None else kept)
    assert RegionFinder(str(broken)).region_of("203.0.113.9") is None
    broken.write_bytes(bytes(len(whole) // 2) + whole[len(whole) // 2 :])  # its metadata is whole
    assert RegionFinder(str(broken)).region_of("203.0.113.9") is None
    assert RegionFinder(str(tmp_path / "missing")).region_of("203.0.113.9") is None


def test_file_may_be_replaced(countries: Path, tmp_path: Path) -> None:
    """A database that is overwritten in place, even cut short, stays what it was at the start."""
    path = tmp_path / "countries.mmdb"
    path.write_bytes(countries.read_bytes())
    finder = RegionFinder(str(path))
    path.write_bytes(b"")
    assert finder.region_of("203.0.113.9") == "DE"


async def test_votes_have_their_region(
    countries: Path, tmp_path: Path, database: Database, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """By the last address that the edge wrote; a header of the client's says nothing."""
    event = make_event(owner)
    regions = {"9.9.9.9, 203.0.113.9": "DE", "2001:db8:5::1": "BR", "203.0.113.9, 9.9.9.9": None}
    with command_process(tmp_path, database.url("vote_command"), mint, REGION_DATABASE=str(countries)) as command:
        async with aiohttp.ClientSession(command.url) as session:
            for came_from, region in regions.items():
                voter = mint.voter()
                headers = {**voter.headers, "X-Forwarded-For": came_from, "X-Region": "FR"}
                while True:  # the keys may not be there yet; the test's own time limit ends it
                    async with session.post("/v1/vote/submit", json=vote_of(voter, event), headers=headers) as answer:
                        if answer.status == 200:
                            break
                query = "SELECT region FROM votes WHERE event_no = %s AND voter = %s"
                found = owner.execute(query, [event.event_no, voter.pseudonym(event.event_no)]).fetchone()
                assert found == (region,)
