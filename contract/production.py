"""What production refuses: demo secrets, and connections that somebody on the way could read or answer himself.

Each check takes the value of a setting and raises ValueError with the reason, which never repeats a secret. A setting
names its check beside its default; outside production none of them is asked.
"""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

# What ./ops/up makes for its demo is known by these, wherever it is copied to. 96 bits of a key's 128 stay random.
DEMO_PASSWORD_MARK = "demo-"  # noqa: S105  # a mark, no password
DEMO_KEY_MARK = b"demo"
DEMO_PEM_MARK = "A demo's key, refused in production.\n"  # text before the key is no part of it
PASSWORD_CHARACTERS_MIN = 16
_DISTINCT_BYTES_MIN = 8  # a random key of 16 bytes has fewer once in 10^11
_PORT = re.compile(r":[0-9]*$")


def certified_postgres(url: str) -> None:
    """Elsewhere than on this machine only the server that its certificate names is told anything."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    hosts = _hosts(parts, query)
    if not hosts:
        raise ValueError("it names no host")
    if not all(map(is_loopback, hosts)) and set(query.get("sslmode", [""])) != {"verify-full"}:
        raise ValueError("sslmode=verify-full is needed for a server on another machine")
    _check_password(parts)


def certified_postgres_or_none(url: str) -> None:
    """The same of a server that needn't be given."""
    if url:
        certified_postgres(url)


def certified_redis(url: str) -> None:
    """As for Postgres: rediss, and nothing that switches off what it checks."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    checks = {*query.get("ssl_cert_reqs", ["required"]), *query.get("ssl_check_hostname", ["true"])}
    elsewhere = parts.scheme != "unix" and not is_loopback(parts.hostname or "localhost")
    if elsewhere and (parts.scheme != "rediss" or {each.lower() for each in checks} != {"required", "true"}):
        raise ValueError("rediss:// with a checked certificate is needed for a server on another machine")
    _check_password(parts)


def certified_http(url: str) -> None:
    """Whoever could answer with public keys of his own could make voters; whoever could for a captcha, people."""
    parts = urlsplit(url)
    if url and parts.scheme not in ("file", "https") and not is_loopback(parts.hostname or ""):
        raise ValueError("https:// is needed for a server on another machine")


def encrypted_mail(kind: str) -> None:
    """The link in a mail confirms whose address it is: nobody on the way may read it."""
    if kind == "none":
        raise ValueError("starttls or tls is needed")


def real_key(key: bytes) -> None:
    """Neither of ./ops/up nor a placeholder."""
    if key.startswith(DEMO_KEY_MARK):
        raise ValueError("it is a demo's key")
    if len(set(key)) < _DISTINCT_BYTES_MIN:
        raise ValueError("it is a placeholder; a key is random")


def real_keys(by_number: Mapping[int, bytes]) -> None:
    """All of them."""
    for key in by_number.values():
        real_key(key)


def real_secret(text: str) -> None:
    """Neither a placeholder nor what captcha providers give for tests, which takes anybody for a person."""
    if text and len(set(text)) < _DISTINCT_BYTES_MIN:
        raise ValueError("it is a placeholder, or one for tests")


def real_signing_keys(folder: Path) -> None:
    """No private key of ./ops/up in this folder."""
    for path in folder.glob("*.pem"):
        if path.read_text().startswith(DEMO_PEM_MARK):
            raise ValueError(f"{path.name} is a demo's key")


def is_loopback(host: str) -> bool:
    """Whether this is this machine: localhost, 127.0.0.0/8, ::1 or the path of a socket."""
    if host == "localhost" or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _hosts(parts: SplitResult, query: Mapping[str, list[str]]) -> list[str]:
    """Every server that a connection string may lead to: it may list several, also as parameters."""
    named = [_PORT.sub("", unquote(each)) for each in parts.netloc.rpartition("@")[2].split(",")]
    listed = [each for name in ("host", "hostaddr") for value in query.get(name, []) for each in value.split(",")]
    return [each for each in [*named, *listed] if each]


def _check_password(parts: SplitResult) -> None:
    password = parts.password
    if password is None:  # a certificate of the client's, or the socket's owner
        return
    if password.startswith(DEMO_PASSWORD_MARK):
        raise ValueError("its password is a demo's")
    if len(password) < PASSWORD_CHARACTERS_MIN:
        raise ValueError(f"its password has less than {PASSWORD_CHARACTERS_MIN} characters")
