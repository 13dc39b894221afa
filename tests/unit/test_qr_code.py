"""The QR code of an event, which anybody may ask for."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
import segno

from contract.errors import InvalidField
from query.pages.join_handler import ORIGIN_CHARS_MAX, JoinHandler
from query.settings import PublicAddress

EVENT_ID = "0199a0c2-5b1e-7cc0-8000-000000000001"


def request_to(host: str) -> Any:
    return SimpleNamespace(headers={"host": host})


async def test_a_code_is_drawn_once_and_none_for_endless_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often one is asked for, it is drawn once an address; an address that is too long is refused."""
    draw = Mock(wraps=segno.make)
    monkeypatch.setattr(segno, "make", draw)
    replica = Mock(look=AsyncMock(return_value=SimpleNamespace(short_code="ABC234")))
    handler = JoinHandler(replica, PublicAddress(""))
    hosts = ("vote.show.example", "vote.show.example:8080")
    answers = [(await handler.qr_code(request_to(host), EVENT_ID)).body for host in hosts * 3]
    assert answers == answers[:2] * 3
    assert answers[0] != answers[1]
    assert [each.args[0] for each in draw.call_args_list] == [f"http://{host}/j/ABC234" for host in hosts]
    with pytest.raises(InvalidField):
        await handler.qr_code(request_to("x" * ORIGIN_CHARS_MAX), EVENT_ID)
    await JoinHandler(replica, PublicAddress("https://show.example")).qr_code(request_to("x" * 8_000), EVENT_ID)
    assert draw.call_args.args[0] == "https://show.example/j/ABC234"
