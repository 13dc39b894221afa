"""A standby finds its primary again when `./ops/up` had to give that another port."""

from pathlib import Path

from ops.embedded.postgres_server import PostgresServer

COPIED = "# by hand\nprimary_conninfo = 'user=vote_replica password=p host=127.0.0.1 port={} sslmode=prefer'\n"
OTHER = "primary_slot_name = 'replica'\n"


def test_a_standby_follows_its_primary(tmp_path: Path) -> None:
    """Only the port changes, however often it is told; what was promoted or edited has no such line, and stays."""
    remembered, standby = tmp_path / "postgresql.auto.conf", PostgresServer(tmp_path, 1)
    remembered.write_text(COPIED.format(5432) + OTHER)
    for port in (5433, 5433):
        standby.follow(port)
        assert remembered.read_text() == COPIED.format(port) + OTHER
    remembered.write_text(OTHER)
    standby.follow(5434)
    assert remembered.read_text() == OTHER
