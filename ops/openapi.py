"""Writes contract/openapi.json: the calls of all services, merged, from what stands beside their handlers.

It only looks at declarations, so it needs no settings and opens nothing; sanic-ext builds the document. A test fails
while the committed file differs from what this makes.

    python -m ops.openapi
"""

import re
import uuid
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import msgspec
import orjson
from sanic_ext.extensions.openapi.builders import OperationBuilder, SpecificationBuilder
from sanic_ext.extensions.openapi.types import Schema

from command.__main__ import CommandService
from command.identity.__main__ import IdentityService
from contract import errors
from contract.errors import ContractError
from contract.web.call import Access, Answer, Call, calls_of, snake_case
from contract.web.dialect import DIALECTS, dialect_of
from query.reads.__main__ import QueryService
from query.streams.__main__ import SseService

DOCUMENT = Path(__file__).parent.parent / "contract" / "openapi.json"
TITLE, VERSION = "Live vote", "1"
DESCRIPTION = (
    "Every answer carries X-Trace-Id; a client's W3C traceparent is continued. Times are RFC 3339 in UTC. "
    "Fields not named here are ignored. HEAD answers as GET without a body. "
    "503 is always safe to repeat as it is, after Retry-After."
)
SCHEMA_REF = "#/components/schemas/{name}"
SERVICES = {
    "Identity": IdentityService.handler_types,
    "Events and votes": CommandService.handler_types,
    "Results": QueryService.handler_types,
    "Streams": SseService.handler_types,
}


def document(services: Mapping[str, Iterable[type]]) -> dict[str, Any]:
    """The OpenAPI document of these classes of handlers, by the name of their service."""
    calls = [(group, call) for group, handlers in services.items() for each in handlers for call, _ in calls_of(each)]
    SpecificationBuilder.reset()
    specification = SpecificationBuilder()
    specification.describe(TITLE, VERSION, DESCRIPTION)
    specification.add_security_scheme("bearer", "http", bearer_format="JWT")
    for name, schema in _schemas(call for _, call in calls).items():
        specification.add_component("schemas", name, schema)
    for group, call in calls:
        operation = _operation(call)
        operation.tag(group)
        specification.operation(call.path, call.method, operation)
    built: dict[str, Any] = specification.build(cast("Any", None)).serialize()  # None: the operations are of no one app
    return built


def _operation(call: Call) -> OperationBuilder:
    operation = OperationBuilder()
    operation.name(call.name)
    operation.describe(summary=call.summary, description=f"Access: {call.access.value}.")
    for parameter in re.findall(r"{(\w+)}", call.path):
        operation.parameter(parameter, uuid.UUID if snake_case(parameter).endswith("_id") else str, "path")
    for parameter, kind in call.query.items():
        operation.parameter(parameter, Schema(**msgspec.json.schema(kind)), "query", required=False)
    if call.body:
        operation.body({"application/json": {"schema": _ref(call.body)}}, required=True)
    for status, answer in call.answers.items():
        operation.response(status, _content(answer), HTTPStatus(status).phrase)
    for status, codes in _refusals(call).items():
        operation.response(status, _content(dialect_of(call.path).shape), ", ".join(f"`{code}`" for code in codes))
    if call.access in (Access.OPTIONAL, Access.VOTER):
        operation.security.append({})
    if call.access is not Access.PUBLIC:
        operation.secured("bearer")
    return operation


def _refusals(call: Call) -> dict[int, list[str]]:
    """Codes by status: those that the handler names, and those that follow from the kind of call."""
    given: set[type[ContractError]] = set(call.refusals)
    if call.access is not Access.PUBLIC:
        given |= {errors.Unauthorized, errors.Busy}
    if call.access in (Access.STAFF, Access.ADMIN, Access.AUDIT, Access.OVERSIGHT):
        given.add(errors.Forbidden)
    if call.body:
        given |= {errors.InvalidBody, errors.InvalidField, errors.MissingField, errors.TooLarge, errors.NotJson}
    if "_id}" in snake_case(call.path):
        given.add(errors.InvalidField)
    by_status: dict[int, list[str]] = {}
    for status, code in sorted(map(dialect_of(call.path).said_of, given)):
        codes = by_status.setdefault(status, [])
        if code not in codes:
            codes.append(code)
    return by_status


def _content(answer: Answer) -> dict[str, Any]:
    if answer is None:
        return {}
    if isinstance(answer, str):
        return {answer: {"schema": {"type": "string"}}}
    return {"application/json": {"schema": _ref(answer)}}


def _ref(struct: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": SCHEMA_REF.format(name=struct.__name__)}


def _schemas(calls: Iterable[Call]) -> Mapping[str, Any]:
    structs: dict[str, type[msgspec.Struct]] = {each.shape.__name__: each.shape for each in DIALECTS}
    for call in calls:
        for each in (call.body, *call.answers.values()):
            if isinstance(each, type) and structs.setdefault(each.__name__, each) is not each:
                raise ValueError(f"two structs are named {each.__name__}")
    _, components = msgspec.json.schema_components(structs.values(), ref_template=SCHEMA_REF)
    return {name: _as_openapi_3_0(schema) for name, schema in components.items()}


def _as_openapi_3_0(schema: Any) -> Any:
    """The schema in the dialect that sanic-ext and swagger-ui speak, which writes null as `nullable`."""
    if isinstance(schema, list):
        return [_as_openapi_3_0(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _as_openapi_3_0(value) for key, value in schema.items()}
    if {"type": "null"} in plain.get("anyOf", []):
        others = [each for each in plain.pop("anyOf") if each != {"type": "null"}]
        plain |= {"nullable": True, **({"allOf": others} if "$ref" in others[0] else others[0])}
    return plain


def render() -> bytes:
    """The file's content."""
    return (
        orjson.dumps(document(SERVICES), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
        + b"\n"
    )


if __name__ == "__main__":
    DOCUMENT.write_bytes(render())
