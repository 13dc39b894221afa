"""The events of a stream."""

import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp


@dataclasses.dataclass(frozen=True)
class Message:
    """One event of a stream."""

    event: str
    id: str
    data: dict[str, Any]


async def messages(response: aiohttp.ClientResponse) -> AsyncIterator[Message]:
    """The events of a stream until it ends."""
    fields: dict[str, str] = {}
    async for line in response.content:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            fields[name] = value
        elif "data" in fields:
            yield Message(fields["event"], fields.get("id", ""), json.loads(fields["data"]))
            fields = {}
