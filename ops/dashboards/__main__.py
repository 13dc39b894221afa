"""Writes the dashboards as files for Grafana (to import, or to provision); a test compares them with this code.

python -m ops.dashboards      after a change of any of them; commit the files with it
"""

import json
from collections.abc import Iterator
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from ops.dashboards.dba import dba
from ops.dashboards.services import command, fanout, identity, query, sse
from ops.dashboards.show import show

FOLDER = Path(__file__).parent


def files() -> Iterator[tuple[Path, str]]:
    """Each file with its content."""
    for made in (show(), command(), identity(), fanout(), query(), sse(), dba()):
        yield FOLDER / f"{(made.uid or '').removeprefix('vote-')}.json", _text(made)


def _text(made: Dashboard) -> str:
    return json.dumps(made, cls=JSONEncoder, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    for path, content in files():
        path.write_text(content)
