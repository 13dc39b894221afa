"""Starts the edge: its settings, checked, become Caddy's configuration; this process becomes Caddy.

python -m ops.edge
"""

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

from command.identity.settings import IdentityListening
from command.settings import CommandListening
from contract import settings
from ops.edge.settings import FOLDER, Edge
from query.settings import QueryListening, SseListening


def main() -> int:
    """Become Caddy; exit code 2 with one line when a setting is wrong, 1 when there is no Caddy."""
    try:
        edge = settings.read(Edge, os.environ)
        variables = edge.variables(settings.read(settings.CrossOrigin, os.environ).readers)
        ports = {
            "IDENTITY_PORT": settings.read(IdentityListening, os.environ).port,
            "COMMAND_PORT": settings.read(CommandListening, os.environ).port,
            "QUERY_PORT": settings.read(QueryListening, os.environ).port,
            "SSE_PORT": settings.read(SseListening, os.environ).port,
        }
    except settings.SettingError as error:
        print(f"edge: {error}", file=sys.stderr)
        return 2
    caddy = shutil.which("caddy", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
    if caddy is None:
        print("edge: caddy is not installed", file=sys.stderr)
        return 1
    variables |= {name: str(port) for name, port in ports.items()}
    return _become(caddy, "public.Caddyfile" if edge.domains else "Caddyfile", variables)


def _become(caddy: str, config: str, variables: dict[str, str]) -> NoReturn:
    words = [caddy, "run", "--config", str(FOLDER / config), "--adapter", "caddyfile"]
    os.execve(caddy, words, {**os.environ, **variables})  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    sys.exit(main())
