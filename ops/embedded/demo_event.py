"""The demo's admin and its open event, made through the same doors as everybody's; demo.json says what scripts need.

All of it may be done again: the admin keeps the password, an event that is still open is kept.
"""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg

from ops.embedded.data_folder import DataFolder
from ops.embedded.program_environment import Addresses
from ops.embedded.readiness import DIRECTLY
from ops.embedded.refusal import CannotStart
from ops.embedded.secret_files import SecretFiles, write_private

ADMIN = "demo-admin"
EVENT = "Demo: who sings best?"
CONTESTANTS = ("Aurora", "Bela Nord", "Chiara & the Tides", "Dario", "Electric Ida")


def make(folder: DataFolder, secrets: SecretFiles, at: Addresses) -> dict[str, Any]:
    """Make what is missing and write demo.json; its content is the answer. Raises CannotStart."""
    admin = {"username": ADMIN, "password": secrets.password(ADMIN)}
    operator(folder.root, ["make-staff", ADMIN, "--role", "admin"], admin["password"])
    demo = {
        "edge_url": at.edge_url,
        "admin": admin,
        "client_token": json.loads(operator(folder.root, ["add-application", "demo"]))["token"],
        "event_id": _open_event(at.database_url) or make_event(at.edge_url, admin, EVENT),
        "database_url": at.database_url,
        "redis_url": at.redis_url,
    }
    write_private(folder.demo, json.dumps(demo, indent=1))
    return demo


def operator(data_folder: Path, words: list[str], secret_input: str = "") -> str:
    """The JSON lines that the operator's command line prints; raises CannotStart with its complaint."""
    launched = [sys.executable, "-m", "ops.embedded.launch", str(data_folder), "admin"]
    command = [*launched, sys.executable, "-m", "ops.operator", "--json", *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True, input=secret_input)
    if done.returncode:
        raise CannotStart(f"python -m ops.operator {words[0]}: {done.stderr.strip()}")
    return done.stdout


def make_event(edge_url: str, admin: Mapping[str, str], name: str) -> str:
    """Create and open an event as this admin; gives its event_id. Raises CannotStart."""
    login = _post(f"{edge_url}/v1/auth/login", "", admin)
    contestants = [
        {
            "contestant_name": contestant,
            "contestant_description": f"{contestant}, live on stage",
            "contestant_image_url": f"https://images.invalid/{number}.webp",
        }
        for number, contestant in enumerate(CONTESTANTS, start=1)
    ]
    wanted = {"user_id": login["userId"], "event_name": name, "contestants": contestants}
    event_id = str(_post(f"{edge_url}/v1/event/create", login["token"], wanted)["event_id"])
    _post(f"{edge_url}/v1/event/{event_id}/open", login["token"], {})
    return event_id


def _open_event(database_url: str) -> str:
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT event_id::text FROM events WHERE event_name = %s AND status = 'open' ORDER BY event_no LIMIT 1",
            [EVENT],
        ).fetchone()
    return found[0] if found else ""


def _post(url: str, token: str, body: Mapping[str, Any]) -> Any:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with DIRECTLY.open(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise CannotStart(f"{url} answered {error.code}: {error.read().decode(errors='replace')}") from error
