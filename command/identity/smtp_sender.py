"""Sends mails by SMTP: by aiosmtplib, a connection a mail, with the certificate checked unless TLS is off."""

import asyncio
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

import aiosmtplib

from command.identity.mail_outbox import Mail, NotAcceptedError
from command.identity.settings import Smtp

SEND_WITHIN_S = 30


class SmtpSender:
    """Hands mails to one server."""

    def __init__(self, smtp: Smtp) -> None:
        self._smtp = smtp

    async def send(self, mail: Mail) -> None:
        """Return when the server has taken it; raises `NotAcceptedError`, or OSError when it may be tried again."""
        smtp = self._smtp
        try:
            message = message_of(mail, smtp.sender)
            async with asyncio.timeout(SEND_WITHIN_S):
                await aiosmtplib.send(
                    message,
                    hostname=smtp.host,
                    port=smtp.port,
                    username=smtp.user or None,
                    password=smtp.password or None,
                    use_tls=smtp.security == "tls",
                    start_tls=smtp.security == "starttls",
                    local_hostname=smtp.sender.rpartition("@")[2],
                )
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _reason(error.recipients[0]) from error
        except aiosmtplib.SMTPResponseException as error:
            raise _reason(error) from error
        except (aiosmtplib.SMTPNotSupported, ValueError) as error:
            if isinstance(error, OSError):  # a certificate that nobody vouches for is both
                raise
            raise NotAcceptedError("this server can't take it, or it can't be written as a mail") from error
        except aiosmtplib.SMTPException as error:
            raise ConnectionError(type(error).__name__) from error


def message_of(mail: Mail, sender: str) -> EmailMessage:
    """The mail as it travels; raises ValueError when an address or a line of its head has a line break in it."""
    message = EmailMessage(SMTP)
    for header, address in (("From", sender), ("To", mail.to)):
        username, _, domain = address.rpartition("@")
        message[header] = Address(username=username, domain=domain)
    message["Subject"] = mail.subject
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message


def _reason(error: aiosmtplib.SMTPResponseException) -> Exception:
    """4xx may pass; what a server says may have the address in it, so only its code is told."""
    if error.code < 500:
        return ConnectionError(f"SMTP {error.code}")
    return NotAcceptedError(f"SMTP {error.code}")
