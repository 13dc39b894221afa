"""Which mailbox a mail address leads to, by the rules of mail_rules.toml, and whether it is one that lives for minutes.

What an address is for a letter stays as its owner wrote it; the mailbox is for telling people apart, and no letter
goes there. SQL folds it (identity.folded()) as it does names.
"""

import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from importlib import resources

import msgspec
from disposable_email_domains import blocklist
from prometheus_client import Gauge

from contract import metric_names
from contract.errors import InvalidField

RELEASED = Gauge(
    metric_names.DISPOSABLE_MAIL_DOMAINS_RELEASED_UNIX_SECONDS,
    "When the list of disposable mail domains was released, Unix seconds",
)


class Provider(msgspec.Struct, frozen=True):
    """One provider's rules, as the file has them."""

    name: str
    domains: tuple[str, ...]
    ignored: str = ""
    tag: str = ""

    def mailbox_of(self, local: str) -> str:
        """The mailbox that an address of this provider leads to; `local` is what stands before the @."""
        head, _, _ = local.partition(self.tag) if self.tag else (local, "", "")
        plain = "".join(each for each in head if each not in self.ignored)
        return f"{plain or local}@{self.domains[0]}"


class DisposableList(msgspec.Struct, frozen=True):
    """Which list of disposable domains is used."""

    package: str
    version: str
    released: date


class MailRules(msgspec.Struct, frozen=True):
    """The file."""

    provider: tuple[Provider, ...]
    disposable: DisposableList


class Mailboxes:
    """Tells mailboxes apart."""

    def __init__(self, rules: MailRules) -> None:
        self._providers = {domain: each for each in rules.provider for domain in each.domains}
        released = datetime.combine(rules.disposable.released, time(), UTC)
        RELEASED.set(released.timestamp())

    def refuse_disposable(self, email: str) -> None:
        """Raise `InvalidField` for an address whose mailbox lives for minutes."""
        if not blocklist.isdisjoint(_with_parents(email.rpartition("@")[2])):
            raise InvalidField("email is of a provider of disposable addresses", field="email")

    def mailbox_of(self, email: str) -> str:
        """The mailbox behind an address in normal form."""
        local, _, domain = email.rpartition("@")
        provider = self._providers.get(domain)
        return provider.mailbox_of(local) if provider else email


def load_mail_rules() -> MailRules:
    """The rules that come with the project."""
    text = resources.files("command.identity").joinpath("mail_rules.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), MailRules)


def _with_parents(domain: str) -> Iterator[str]:
    """a.b.example, b.example, example"""
    while domain:
        yield domain
        domain = domain.partition(".")[2]
