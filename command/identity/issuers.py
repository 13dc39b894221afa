"""The OpenID Connect issuers whose people may come in, as the operator's file lists them. Pure.

    [[issuer]]
    issuer = "https://login.example.org"     # as its tokens spell it
    audiences = ["live-vote-web"]            # our client ids there
    person_claims = ["sub"]                  # what tells one of its people from another, for ever
    assurance = "federated"                  # what its word is worth here: federated or attested
    acr_values = ["high"]                    # one of these must be in acr; none listed: whatever it says
    amr_values = ["mfa"]                     # all of these must be in amr
    algorithms = ["RS256"]                   # asymmetric ones only
    nonce_required = true                    # a token without a nonce is refused

`issuer` and `audiences` must be there; the others, values of acr and amr aside, are these unless they are set.
"""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from contract.assurance import Assurance
from contract.production import is_loopback

LOOPBACK = ("localhost", "127.0.0.1", "::1")

Text = Annotated[str, msgspec.Meta(min_length=1)]
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


class Issuer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One issuer, and what we ask of its tokens."""

    issuer: Annotated[str, msgspec.Meta(max_length=500)]
    audiences: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]
    person_claims: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1, max_length=4)] = ("sub",)
    assurance: Literal["federated", "attested"] = "federated"
    acr_values: tuple[Text, ...] = ()
    amr_values: tuple[Text, ...] = ()
    algorithms: Annotated[tuple[Algorithm, ...], msgspec.Meta(min_length=1)] = ("RS256",)
    nonce_required: bool = True

    @property
    def level(self) -> Assurance:
        """What its word is worth."""
        return Assurance(self.assurance)

    def trusts(self, url: str) -> bool:
        """Whether what is read there can come from the issuer only: by TLS, or within one machine from itself."""
        try:
            host, own = urlsplit(url), urlsplit(self.issuer)
        except ValueError:
            return False
        return bool(host.hostname) and (
            host.scheme == "https" or (host.scheme == "http" and host.hostname == own.hostname in LOOPBACK)
        )


class _IssuersFile(msgspec.Struct, forbid_unknown_fields=True):
    issuer: list[Issuer]


def public_issuers(issuers: Iterable[Issuer]) -> None:
    """Raise ValueError for one that is spoken to without TLS, or is on this machine: it is for tests."""
    for each in issuers:
        url = urlsplit(each.issuer)
        if url.scheme != "https" or is_loopback(url.hostname or ""):
            raise ValueError(f"{each.issuer} is for tests")


def load_issuers(path: str) -> tuple[Issuer, ...]:
    """What the file lists; raises ValueError or OSError."""
    issuers = msgspec.convert(tomllib.loads(Path(path).read_text(encoding="utf-8")), _IssuersFile).issuer
    names = [each.issuer for each in issuers]
    for each in issuers:
        if not each.trusts(each.issuer) or "?" in each.issuer or "#" in each.issuer:
            raise ValueError(f"{each.issuer}: an issuer is an https URL without query and fragment")
        if names.count(each.issuer) > 1:
            raise ValueError(f"{each.issuer} is listed twice")
    return tuple(issuers)
