"""The published contract is what the code says."""

import re
from typing import Any

import orjson
import pytest
from sanic import HTTPResponse, Request, Sanic

from ops.openapi import DOCUMENT, document, render, services


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    made: dict[str, Any] = orjson.loads(DOCUMENT.read_bytes())
    return made


def test_committed_document_is_current() -> None:
    """After a change of a declaration: python -m ops.openapi."""
    assert DOCUMENT.read_bytes() == render()


def test_every_routed_call_is_documented_once(contract: dict[str, Any]) -> None:
    """What a service routes is in the document under the same path and method, and no two services share one."""
    routed = [
        (re.sub(r"<(\w+):\w+>", r"{\1}", f"/{route.path}"), method.lower())
        for app in services()
        for route in app.router.routes
        for method in route.methods
    ]
    documented = [(path, method) for path, calls in contract["paths"].items() for method in calls]
    assert sorted(routed) == sorted(documented)
    assert len(set(routed)) == len(routed)


def test_undocumented_handler_is_an_error() -> None:
    """A route without a declaration stops the document from being made."""

    async def secret(_request: Request) -> HTTPResponse:
        return HTTPResponse()

    app: Sanic[Any, Any] = Sanic("undocumented")
    app.add_route(secret, "/v1/secret", name="secret")
    with pytest.raises(ValueError, match="secret"):
        document([app])


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
            assert any(status.startswith(("1", "2")) for status in call["responses"])
