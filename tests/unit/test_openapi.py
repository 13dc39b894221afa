"""The published contract is what the code says."""

from typing import Any

import orjson
import pytest

from contract.web.call import calls_of
from ops.openapi import DOCUMENT, SERVICES, render

CALLS = [call for handlers in SERVICES.values() for each in handlers for call, _ in calls_of(each)]


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    made: dict[str, Any] = orjson.loads(DOCUMENT.read_bytes())
    return made


def test_committed_document_is_current() -> None:
    """After a change of a declaration: python -m ops.openapi."""
    assert DOCUMENT.read_bytes() == render()


def test_every_call_is_declared_once() -> None:
    """No two handlers share a method and path, or a name."""
    assert len({(call.method, call.path) for call in CALLS}) == len(CALLS)
    assert len({call.name for call in CALLS}) == len(CALLS)


def test_all_references_lead_somewhere(contract: dict[str, Any]) -> None:
    """Each $ref names a schema that is in the document, and each call has a summary and an answer of success."""
    schemas = contract["components"]["schemas"]

    def references(part: Any) -> list[str]:
        if isinstance(part, list):
            return [each for item in part for each in references(item)]
        if isinstance(part, dict):
            own = [part["$ref"]] if "$ref" in part else []
            return own + [each for item in part.values() for each in references(item)]
        return []

    assert {reference.rpartition("/")[2] for reference in references(contract)} <= set(schemas)
    for calls in contract["paths"].values():
        for call in calls.values():
            assert call["summary"]
            assert any(status.startswith(("1", "2", "3")) for status in call["responses"])
