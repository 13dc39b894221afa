"""The edge as the public meets it: by TLS and HTTP/2, with what browsers are told of each answer, whoever made it."""

import re
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from contract.web.call import calls_of
from ops.embedded import ports
from ops.openapi import SERVICES as DECLARED
from ops.rig.edge import SERVICES, RunningEdge, edge
from ops.rig.eventually import eventually
from ops.rig.stand_in import StandIn
from ops.rig.tls_front import Authority

DOMAIN = "vote.test"
PATHS = ["/v1/events", "/", "/nowhere", "/v1/nowhere", "/v1/vote/submit"]
TOLD = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-site",
}


@pytest.fixture(scope="module")
def services() -> Iterator[dict[str, int]]:
    """Stand-ins for all services but command, which is away."""
    made = {name: StandIn(name) for name in SERVICES if name != "command"}
    for server in made.values():
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield {name: server.server_port for name, server in made.items()}
    for server in made.values():
        server.shutdown()
        server.server_close()


class PublicEdge:
    """An edge with a domain, on loopback ports; its certificates are of this authority."""

    def __init__(self, authority: Path) -> None:
        self._authority = authority
        numbers = ports.choose(["http", "https"], {})
        self.https, self.http = numbers["https"], numbers["http"]
        self.settings = {
            "EDGE_DOMAIN": DOMAIN,
            "EDGE_PUBLIC_BIND": "127.0.0.1",
            "EDGE_HTTP_PORT": str(self.http),
            "EDGE_HTTPS_PORT": str(self.https),
        }

    def client(self, *, http1: bool = False) -> httpx.Client:
        """Knows the authority; HTTP/2 unless only HTTP/1.1 is spoken."""
        return httpx.Client(verify=ssl.create_default_context(cafile=self._authority), http2=not http1, trust_env=False)

    def ask(self, client: httpx.Client, path: str, name: str = DOMAIN) -> httpx.Response:
        """As a browser that found `name` at this address."""
        url = f"https://127.0.0.1:{self.https}{path}"
        return client.get(url, headers={"Host": name}, extensions={"sni_hostname": name})

    def is_up(self) -> bool:
        """Whether it has its certificate."""
        try:
            with self.client() as client:
                self.ask(client, "/v1/events")
        except (OSError, httpx.TransportError):
            return False
        return True


@pytest.fixture(scope="module")
def running(services: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEdge]:
    """An edge without a domain."""
    with edge(tmp_path_factory.mktemp("caddy"), services) as made:
        yield made


@pytest.fixture(scope="module")
def public(services: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[PublicEdge]:
    """An edge with one, certified by Caddy itself."""
    folder = tmp_path_factory.mktemp("caddy")
    made = PublicEdge(folder / "caddy" / "pki" / "authorities" / "local" / "root.crt")
    with edge(folder, services, EDGE_CERTIFICATES="internal", **made.settings):
        eventually(made.is_up, "the edge has its certificate")
        yield made


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_tells_browsers_what_they_may_not(running: RunningEdge, path: str) -> None:
    """Of services, of the edge itself, and for one that is away: each word once."""
    answer = httpx.get(f"http://127.0.0.1:{running.port}{path}", trust_env=False)
    for name, word in TOLD.items():
        assert answer.headers.get_list(name) == [word], (answer.status_code, name)
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert "Strict-Transport-Security" not in answer.headers
    if path != "/":  # pages bring their own, of which a stand-in has none
        assert answer.headers.get_list("Content-Security-Policy") == ["default-src 'none'; frame-ancestors 'none'"]


def test_whatever_is_no_page_is_framed_and_loaded_by_nobody(running: RunningEdge) -> None:
    """The edge says so of each declared call; pages and their parts have policies of their own."""
    declared = [call for handlers in DECLARED.values() for each in handlers for call, _ in calls_of(each)]
    policies = {}
    for call in declared:
        path = re.sub(r"{\w+}", "7d3b4c52-0000-4000-8000-000000000000", call.path)
        if not path.endswith("/stream"):  # which goes on
            answer = httpx.post(f"http://127.0.0.1:{running.port}{path}", trust_env=False)
            policies[call.name] = answer.headers.get("Content-Security-Policy")
    rooms = [each for each in DECLARED["Results"] if each.__module__.startswith("query.pages.")]
    pages = {call.name for each in rooms for call, _ in calls_of(each)} - {"qr_code"}  # an image
    assert {name for name, policy in policies.items() if policy is None} == pages
    assert {policy for policy in policies.values() if policy} == {"default-src 'none'; frame-ancestors 'none'"}


@pytest.mark.parametrize("path", PATHS)
def test_by_tls_and_http_2(public: PublicEdge, path: str) -> None:
    """With the domain's certificate: the same answers, and for a year never again without TLS."""
    with public.client() as client:
        answer = public.ask(client, path)
        assert answer.http_version == "HTTP/2"
        assert answer.headers.get_list("Strict-Transport-Security") == ["max-age=31536000"]
        for name, word in TOLD.items():
            assert answer.headers.get_list(name) == [word]
        assert f'h3=":{public.https}"' in answer.headers["Alt-Svc"]


def test_in_production_with_certificates_of_one_s_own(services: dict[str, int], tmp_path: Path) -> None:
    """From files, which is what production takes where no public authority is asked."""
    authority = Authority(tmp_path)
    file = authority.certificate(DOMAIN)
    made = PublicEdge(authority.file)
    settings = {**made.settings, "VOTE_MODE": "production", "EDGE_CERTIFICATES": f"{file} {file}"}
    with edge(tmp_path / "caddy", services, **settings), made.client() as client:
        eventually(made.is_up, "the edge shows its certificate")
        assert made.ask(client, "/v1/events").http_version == "HTTP/2"


def test_old_clients_and_other_names(public: PublicEdge) -> None:
    """HTTP/1.1 goes on; whoever asks for another name, or with TLS 1.1, finds nobody."""
    with public.client(http1=True) as client:
        assert public.ask(client, "/v1/events").http_version == "HTTP/1.1"
    with public.client() as client, pytest.raises(httpx.ConnectError):
        public.ask(client, "/v1/events", "other.test")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with httpx.Client(verify=old, trust_env=False) as client, pytest.raises(httpx.ConnectError):
        public.ask(client, "/v1/events")


def test_by_http_it_leads_to_https(public: PublicEdge) -> None:
    """At the port that the public sees, and says nothing else there."""
    answer = httpx.get(f"http://127.0.0.1:{public.http}/v1/events?a=b", headers={"Host": DOMAIN}, trust_env=False)
    assert (answer.status_code, answer.text) == (308, "")
    assert answer.headers["Location"] == f"https://{DOMAIN}/v1/events?a=b"


def test_pages_that_may_read_the_edge_s_answers(services: dict[str, int], tmp_path: Path) -> None:
    """Any by default; with a list only its origins: others are told of one that isn't theirs."""
    origins = {
        "https://a.test": "https://a.test",
        "https://b.test": "https://b.test",
        "https://c.test": "https://a.test",
    }
    with edge(tmp_path, services, CORS_ORIGINS="https://a.test, https://b.test") as running:
        for origin, allowed in origins.items():
            answer = httpx.get(f"http://127.0.0.1:{running.port}/nowhere", headers={"Origin": origin}, trust_env=False)
            assert answer.headers["Access-Control-Allow-Origin"] == allowed
