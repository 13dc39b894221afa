"""A mail server of the caller's own, which keeps what it gets, and can be told to refuse it."""

import contextlib
import email
import ipaddress
import queue
import re
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ops.embedded import ports
from ops.rig.eventually import PATIENCE_S

USER, PASSWORD = "voter-mail", "of the mail server"  # of a server that lives for seconds


class MailServer:
    """Answers each recipient with the next of `refusals`, and takes what comes when none is left."""

    def __init__(self) -> None:
        self.refusals: list[str] = []
        self._taken: queue.Queue[EmailMessage] = queue.Queue()
        self.port = 0
        self.logins = 0

    async def handle_RCPT(  # noqa: N802  # aiosmtpd looks for this name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take the recipient, or not."""
        if self.refusals:
            return self.refusals.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the mail."""
        content = cast("bytes", envelope.content)
        self._taken.put(email.message_from_bytes(content, policy=default))
        return "250 OK"

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: LoginPassword
    ) -> AuthResult:
        """Let the one user in."""
        self.logins += 1
        return AuthResult(success=(given.login, given.password) == (USER.encode(), PASSWORD.encode()))

    def settings(self, public_url: str, **others: str) -> dict[str, str]:
        """What a process is told that sends mails here."""
        return {
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(self.port),
            "SMTP_SECURITY": "none",
            "MAIL_FROM": "vote@example.org",
            "PUBLIC_URL": public_url,
            **others,
        }

    def next_mail(self) -> EmailMessage:
        """The next mail that has come or will; raises queue.Empty when none does."""
        return self._taken.get(timeout=PATIENCE_S)

    def link_to(self, address: str) -> str:
        """The link in the next mail to this address; mails to others are passed over."""
        while (mail := self.next_mail())["To"] != address:
            pass
        link = re.search(r"https?://\S+", mail.get_content())
        assert link
        return link[0]

    def is_empty(self) -> bool:
        """Whether all mails that came were looked at."""
        return self._taken.empty()


@contextlib.contextmanager
def mail_server(certificate: Path | None = None) -> Iterator[MailServer]:
    """Run one on 127.0.0.1 until the end of the block; with a certificate it takes mail by STARTTLS and login only."""
    server = MailServer()
    server.port = ports.choose(["mail"], {})["mail"]
    strict: dict[str, Any] = {}
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        strict = {
            "tls_context": tls,
            "require_starttls": True,
            "auth_required": True,
            "authenticator": server.authenticate,
        }
    controller = Controller(server, hostname="127.0.0.1", port=server.port, **strict)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


def make_certificate(path: Path) -> Path:
    """Write a key and a certificate for 127.0.0.1 that vouches for itself, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail of the rig")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return path
