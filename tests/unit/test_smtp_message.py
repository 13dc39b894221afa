"""A mail has the head that we give it, whatever an address tries."""

import pytest

from command.identity.mail_outbox import Mail
from command.identity.smtp_sender import message_of

LINE_BREAKS = ["a@example.org\r\nBcc: b@example.org", "a\nSubject: x@example.org", "a\rBcc: b@example.org"]


@pytest.mark.parametrize("text", LINE_BREAKS)
def test_a_line_break_is_refused(text: str) -> None:
    """In an address or a subject: before anything is sent."""
    for mail in (Mail(text, "Hello", "text"), Mail("a@example.org", text, "text")):
        with pytest.raises(ValueError, match=r"CR|linefeed"):
            message_of(mail, "vote@example.org")


@pytest.mark.parametrize(
    "address", ["a@example.org, b@example.org", "a@example.org b@example.org", "o'neil+x@example.org"]
)
def test_an_address_is_one(address: str) -> None:
    """Nobody else is put beside the recipient."""
    message = message_of(Mail(address, "Hello", "text"), "vote@example.org")
    assert len(message["To"].addresses) == 1
    assert message["Auto-Submitted"] == "auto-generated"
