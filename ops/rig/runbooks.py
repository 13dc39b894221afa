"""The runbooks as they are read: their headings, and the commands and statements that they tell to run."""

import re
from dataclasses import dataclass
from pathlib import Path

from ops.rig.alert_rules import RUNBOOKS

HEADINGS = ["What you see", "What it means", "What to do", "How you know that it's over"]
README, SHELL = RUNBOOKS / "README.md", RUNBOOKS / "shell.sh"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Runbook:
    """One file of ops/runbooks."""

    path: Path

    @property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text()

    @property
    def headings(self) -> list[str]:
        """Its headings below the title."""
        return re.findall(r"^## (.*)$", self.text, re.MULTILINE)

    def blocks(self, language: str) -> list[str]:
        """Its blocks of bash, or of sql."""
        return [content for of, content in _BLOCK.findall(self.text) if of == language]

    def commands(self) -> list[str]:
        """Each line that is to be typed: of blocks of bash, and in backticks."""
        lines = [line for block in self.blocks("bash") for line in block.splitlines()]
        prose = _BLOCK.sub("", self.text)
        return [*lines, *re.findall(r"`([^`\n]+)`", prose)]


def runbooks() -> list[Runbook]:
    """All of them, without the page that lists them."""
    return [Runbook(path) for path in sorted(RUNBOOKS.glob("*.md")) if path != README]
