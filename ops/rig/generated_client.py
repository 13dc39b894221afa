"""A client of elections as a generator makes it of our document (openapi-python-client): what a stranger would use."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, get_type_hints

from contract import elections
from ops.openapi import DOCUMENT

PACKAGE = "generated_elections"


class GeneratedClient:
    """Calls by their names; made in `folder`, asks the edge at `url`."""

    def __init__(self, folder: Path, url: str) -> None:
        self._url = url
        self._made = _generate(folder)
        self._calls = {each.stem: each for each in (folder / PACKAGE / "api").glob("*/*.py")}

    async def ask(
        self, name: str, /, token: str = "", body: object = None, status: int = 200, **parameters: object
    ) -> Any:
        """The answer's JSON (None: no body), of which the client has understood all."""
        call: Any = importlib.import_module(f"{PACKAGE}.api.{self._calls[name].parent.name}.{name}")
        if body is not None:
            parameters["body"] = get_type_hints(call.asyncio_detailed)["body"].from_dict(body)
        # By plain HTTP nobody is certified, and to read the authorities takes longer than a vote.
        known = {"base_url": self._url, "verify_ssl": False, "raise_on_unexpected_status": True}
        client = self._made.AuthenticatedClient(token=token, **known) if token else self._made.Client(**known)
        async with client:
            answer = await call.asyncio_detailed(client=client, **parameters)
        assert answer.status_code == status, answer.content
        if not answer.content:
            return None
        assert answer.parsed.additional_properties == {}
        return json.loads(answer.content)


def _generate(folder: Path) -> Any:
    """The package; raises AssertionError with what the generator finds wrong with our document."""
    document = json.loads(DOCUMENT.read_text())
    document["paths"] = {path: calls for path, calls in document["paths"].items() if path.startswith(elections.PREFIX)}
    (folder / "document.json").write_text(json.dumps(document))
    (folder / "config.yaml").write_text("post_hooks: []\n")
    words = ["generate", "--path", "document.json", "--config", "config.yaml", "--meta", "none"]
    program = [sys.executable, "-m", "openapi_python_client", *words, "--output-path", PACKAGE, "--fail-on-warning"]
    made = subprocess.run(program, cwd=folder, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    spec = importlib.util.spec_from_file_location(PACKAGE, folder / PACKAGE / "__init__.py")
    assert spec
    assert spec.loader
    package = sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    return package
