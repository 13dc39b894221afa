"""The pages, and the whole contract to read: files of this project and of swagger-ui, nothing from elsewhere.

Read once at the start. A strict Content-Security-Policy: own scripts and styles only, no inline ones, no third party;
but photos and logos are wherever the host has them. What else browsers are told is the edge's part.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources

import swagger_ui_bundle
from sanic import HTTPResponse, Request

from contract.errors import NotFound
from contract.web.call import Access, call
from contract.web.request_content import is_known, parameter_of, uuid_of

LIVE_FILES = (
    *("live.html", "live.css", "live.js", "board.js", "clock.js", "look.js", "measure.js", "rate.js", "standings.js"),
    *("overlay.html", "overlay.css", "overlay.js", "screen.html", "screen.css", "screen.js"),
)
OGRAF_FILES = ("live-vote.ograf.json", "graphic.mjs", "bars.mjs")
VOTE_FILES = (
    "vote.html",
    "controls.css",
    "vote.css",
    "vote.js",
    "asking.js",
    "choice.js",
    "element.js",
    "kept.js",
    "person_form.js",
    "photo.js",
    "session.js",
    "solver.js",
    "solver_worker.js",
    "voting.js",
)
DESK_FILES = (
    "desk.html",
    "desk.css",
    "desk.js",
    "asked_change.js",
    "click_log.js",
    "clicks.js",
    "contestant_rows.js",
    "countdown.js",
    "cue_buttons.js",
    "cues.js",
    "event_form.js",
    "event_list.js",
    "event_panel.js",
    "event_stream.js",
    "line.js",
    "look_fields.js",
    "passkey.js",
    "road.js",
    "sheet.js",
    "staff_login.js",
)
DOCS_FILES = ("docs.html", "docs.css", "docs.js")
CONFIRM_FILES = ("confirm.html", "confirm.js")
HOME_FILE = "home.html"  # which `home_handler` fills in
SWAGGER_FILES = ("swagger-ui.css", "swagger-ui-bundle.js")

_KINDS = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "json": "application/json",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors "
)
_WITH_PHOTOS = _POLICY.replace("img-src 'self'", "img-src https: 'self'")
NOBODY = "'none'"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent; its policy says what it may load."""

    body: bytes
    content_type: str
    etag: str
    policy: str = _POLICY


class PageHandler:
    """Serves what `load_files` found; pages of these origins may show the live page inside theirs."""

    def __init__(self, files: Mapping[str, StaticFile], framed_by: Sequence[str]) -> None:
        self._files = files
        self._framed_by = " ".join(framed_by) or NOBODY

    @call(
        "GET",
        "/live/{event_id}",
        name="live_page",
        access=Access.PUBLIC,
        query={"overlay": str, "screen": str},
        answers={200: "text/html"},
    )
    async def live(self, request: Request, event_id: str) -> HTTPResponse:
        """The live page of an event; `overlay`: as a graphic over a picture, `screen`: for the projector in a hall.

        The page itself finds out whether there is such an event.
        """
        uuid_of(event_id, "event_id")
        shapes = (name for name in ("overlay", "screen") if parameter_of(request, name) is not None)
        return self._send(request, f"live/{next(shapes, 'live')}.html", self._framed_by)

    @call("GET", "/vote/{event_id}", name="vote_page", access=Access.PUBLIC, answers={200: "text/html"})
    async def vote(self, request: Request, event_id: str) -> HTTPResponse:
        """The page to vote on in an event.

        The page itself finds out whether there is such an event.
        """
        uuid_of(event_id, "event_id")
        return self._send(request, "vote/vote.html")

    @call("GET", "/docs", name="docs", access=Access.PUBLIC, answers={200: "text/html"})
    async def docs(self, request: Request) -> HTTPResponse:
        """The contract to read and try."""
        return self._send(request, "docs/docs.html")

    @call("GET", "/openapi.json", name="openapi", access=Access.PUBLIC, answers={200: "application/json"})
    async def openapi(self, request: Request) -> HTTPResponse:
        """The contract as OpenAPI."""
        return self._send(request, "openapi.json")

    @call(
        "GET",
        "/live/assets/{name}",
        name="live_asset",
        access=Access.PUBLIC,
        answers={200: "text/javascript"},
        refusals=[NotFound],
    )
    async def live_asset(self, request: Request, name: str) -> HTTPResponse:
        """A part of the live page."""
        return self._send(request, f"live/{name}")

    @call(
        "GET",
        "/graphics/ograf/{name}",
        name="ograf_file",
        access=Access.PUBLIC,
        answers={200: "text/javascript"},
        refusals=[NotFound],
    )
    async def ograf_file(self, request: Request, name: str) -> HTTPResponse:
        """A part of the EBU OGraf v1 graphic, whose manifest is `live-vote.ograf.json`."""
        return self._send(request, f"ograf/{name}")

    @call(
        "GET",
        "/vote/assets/{name}",
        name="vote_asset",
        access=Access.PUBLIC,
        answers={200: "text/javascript"},
        refusals=[NotFound],
    )
    async def vote_asset(self, request: Request, name: str) -> HTTPResponse:
        """A part of the vote page."""
        return self._send(request, f"vote/{name}")

    @call(
        "GET",
        "/docs/assets/{name}",
        name="docs_asset",
        access=Access.PUBLIC,
        answers={200: "text/javascript"},
        refusals=[NotFound],
    )
    async def docs_asset(self, request: Request, name: str) -> HTTPResponse:
        """A part of the documentation."""
        return self._send(request, f"docs/{name}")

    @call("GET", "/confirm", name="confirm_page", access=Access.PUBLIC, answers={200: "text/html"})
    async def confirm(self, request: Request) -> HTTPResponse:
        """Where the link leads that confirms a mail address.

        It waits for a click, so that no program that looks at links confirms one.
        """
        return self._send(request, "confirm/confirm.html")

    @call(
        "GET",
        "/confirm/assets/{name}",
        name="confirm_asset",
        access=Access.PUBLIC,
        answers={200: "text/javascript"},
        refusals=[NotFound],
    )
    async def confirm_asset(self, request: Request, name: str) -> HTTPResponse:
        """A part of the page that confirms a mail address."""
        return self._send(request, f"confirm/{name}")

    def _send(self, request: Request, name: str, framed_by: str = NOBODY) -> HTTPResponse:
        return send_named(request, self._files, name, framed_by)


def send_named(request: Request, files: Mapping[str, StaticFile], name: str, framed_by: str = NOBODY) -> HTTPResponse:
    """One of these files by its name; `NotFound`."""
    file = files.get(name)
    if file is None:
        raise NotFound("no such path")
    return send_file(request, file, 60, framed_by)


def send_file(request: Request, file: StaticFile, age_s: int, framed_by: str = NOBODY) -> HTTPResponse:
    """A file for everybody, or 304 to who has it; `age_s` is how long caches may keep it."""
    headers = {
        "ETag": file.etag,
        "Cache-Control": f"public, max-age={age_s}",
        "Content-Security-Policy": file.policy + framed_by,
    }
    if is_known(request, file.etag):
        return HTTPResponse(status=304, headers=headers)
    return HTTPResponse(file.body, headers=headers, content_type=file.content_type)


def load_files() -> dict[str, StaticFile]:
    """Every file that is served, by folder and name."""
    pages = resources.files("query.pages")
    paths = {f"live/{name}": pages / "live" / name for name in LIVE_FILES}
    paths |= {f"ograf/{name}": pages / "ograf" / name for name in OGRAF_FILES}
    paths["ograf/standings.js"] = paths[
        "live/standings.js"
    ]  # the graphic's folder is whole, to be played from anywhere
    paths |= {f"vote/{name}": pages / "vote" / name for name in VOTE_FILES}
    paths |= {f"desk/{name}": pages / "desk" / name for name in DESK_FILES}
    paths |= {f"docs/{name}": pages / "docs" / name for name in DOCS_FILES}
    paths |= {f"docs/{name}": swagger_ui_bundle.swagger_ui_path / name for name in SWAGGER_FILES}
    paths |= {f"confirm/{name}": pages / "confirm" / name for name in CONFIRM_FILES}
    paths["openapi.json"] = resources.files("contract") / "openapi.json"
    paths[HOME_FILE] = pages / "home" / "home.html"
    files = {name: file_of(name, path.read_bytes()) for name, path in paths.items()}
    for name in ("vote/vote", "desk/desk", "live/live", "live/overlay", "live/screen"):
        files[f"{name}.html"] = replace(files[f"{name}.html"], policy=_WITH_PHOTOS)
    return files


def file_of(name: str, body: bytes) -> StaticFile:
    """A file of this name's kind, with its ETag."""
    kind = _KINDS[name.rpartition(".")[2]]
    return StaticFile(body, kind, f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"')
