"""The operator's list of issuers: what is left out has safe defaults, what is wrong is named."""

from pathlib import Path

import pytest

from command.identity.issuers import Issuer, load_issuers, public_issuers
from contract.assurance import Assurance
from ops.rig.oidc_issuer import listed

URL = "https://login.example.org/tenant"


def test_defaults_are_safe(tmp_path: Path) -> None:
    """Subject, one asymmetric algorithm, a nonce, and no more than federated."""
    path = tmp_path / "issuers.toml"
    path.write_text(listed(URL) + listed(f"{URL}2", assurance="attested"))
    first, second = load_issuers(str(path))
    assert (first.person_claims, first.algorithms, first.nonce_required) == (("sub",), ("RS256",), True)
    assert (first.level, second.level) == (Assurance.FEDERATED, Assurance.ATTESTED)


@pytest.mark.parametrize(
    ("issuer", "url", "trusted"),
    [
        (URL, "https://elsewhere.example.org/keys", True),
        (URL, "http://login.example.org/keys", False),
        (URL, "http://127.0.0.1/keys", False),
        (URL, "file:///etc/passwd", False),
        (URL, "https:///keys", False),
        (URL, "https://[", False),
        ("http://127.0.0.1:1", "http://127.0.0.1:2/keys", True),
        ("http://127.0.0.1:1", "http://localhost:2/keys", False),
        ("http://192.0.2.1", "http://192.0.2.1/keys", False),
    ],
)
def test_keys_come_by_tls_or_from_the_issuers_own_loopback(issuer: str, url: str, *, trusted: bool) -> None:
    """Whoever is between could give keys of their own."""
    assert Issuer(issuer=issuer, audiences=("x",)).trusts(url) == trusted


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (listed(URL, algorithms=["HS256"]), "HS256"),
        (listed(URL, algorithms=["none"]), "none"),
        (listed(URL, roles=["admin"]), "roles"),
        (listed(URL, assurance="password"), "password"),
        (listed(URL, audiences=[]), "audiences"),
        (listed("http://login.example.org"), "https"),
        (listed(f"{URL}?x"), "query"),
        (2 * listed(URL), "twice"),
    ],
)
def test_a_wrong_list_is_refused(tmp_path: Path, text: str, named: str) -> None:
    """Symmetric algorithms, unknown words, weak levels and addresses in the clear, each by its name."""
    (tmp_path / "issuers.toml").write_text(text)
    with pytest.raises(ValueError, match=named):
        load_issuers(str(tmp_path / "issuers.toml"))


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:9000", "https://localhost", "https://[::1]:9000"])
def test_an_issuer_of_this_machine_is_for_tests(issuer: str) -> None:
    """In production its people stay out; outside it is taken."""
    with pytest.raises(ValueError, match="is for tests"):
        public_issuers([Issuer(issuer=URL, audiences=("web",)), Issuer(issuer=issuer, audiences=("web",))])
    public_issuers([Issuer(issuer=URL, audiences=("web",))])
