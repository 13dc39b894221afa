"""Which addresses are one mailbox, and which are of minutes."""

from importlib import metadata

import pytest

from command.identity.account_fields import check_email
from command.identity.mailboxes import Mailboxes, load_mail_rules
from contract.errors import InvalidField

MAILBOXES = Mailboxes(load_mail_rules())


@pytest.mark.parametrize(
    ("email", "mailbox"),
    [
        ("ada@gmail.com", "ada@gmail.com"),
        ("a.d.a+vote@googlemail.com", "ada@gmail.com"),
        ("ada@GMAIL.com", "ada@gmail.com"),
        ("ada+1@outlook.com", "ada@outlook.com"),
        ("a.da@outlook.com", "a.da@outlook.com"),  # dots count there
        ("ada@hotmail.com", "ada@hotmail.com"),  # another mailbox than at outlook.com
        ("a_d-a@pm.me", "ada@proton.me"),
        ("ada@me.com", "ada@icloud.com"),
        ("a.da+b@example.org", "a.da+b@example.org"),
        ("+ada@gmail.com", "+ada@gmail.com"),
        ("ada@mail.gmail.com", "ada@mail.gmail.com"),
    ],
)
def test_the_mailbox_of_an_address(email: str, mailbox: str) -> None:
    """Each provider's own rules, and none for others."""
    assert MAILBOXES.mailbox_of(check_email(email)) == mailbox


def test_a_mailbox_is_its_own() -> None:
    """No rule leads from a mailbox to another one, and no domain has two rules."""
    rules = load_mail_rules()
    domains = [domain for provider in rules.provider for domain in provider.domains]
    assert len(set(domains)) == len(domains)
    for domain in domains:
        mailbox = MAILBOXES.mailbox_of(f"a.b-c_d+e@{domain}")
        assert MAILBOXES.mailbox_of(mailbox) == mailbox


@pytest.mark.parametrize("domain", ["mailinator.com", "in.a.sub.mailinator.com", "yopmail.com"])
def test_disposable_addresses(domain: str) -> None:
    """Domains of the list and below them are refused."""
    with pytest.raises(InvalidField) as refused:
        MAILBOXES.refuse_disposable(f"ada@{domain}")
    assert refused.value.field == "email"


@pytest.mark.parametrize("domain", ["example.org", "gmail.com", "mozmail.com", "duck.com", "xmailinator.com"])
def test_lasting_addresses(domain: str) -> None:
    """Others are taken, those that forward to a person's mailbox included."""
    MAILBOXES.refuse_disposable(f"ada@{domain}")


def test_the_age_of_the_list_is_of_the_list() -> None:
    """Who updates the package writes into the rules of when it is."""
    disposable = load_mail_rules().disposable
    assert metadata.version(disposable.package) == disposable.version
