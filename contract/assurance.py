"""How it is known who a person is: the levels, from the weakest to the strongest."""

import enum


class Assurance(enum.Enum):
    """Travels in access tokens by its value, and is what an event may ask of its voters; in rising order."""

    CANARY = "canary"  # nobody: a program that tries the whole way of a vote, in events of its own
    PASSWORD = "password"  # noqa: S105  # who knows the password
    MAIL = "mail"  # … of an account whose mail address was confirmed
    FEDERATED = "federated"  # who an outside issuer says it is
    ATTESTED = "attested"  # … one that checks the person, as an identity card does

    def __init__(self, _value: str) -> None:
        self._rank = len(type(self).__members__)

    def meets(self, least: "Assurance") -> bool:
        """Whether this level is at least that one. Canaries and people don't meet in either direction."""
        if Assurance.CANARY in (self, least):
            return self is least
        return self._rank >= least._rank  # noqa: SLF001  # of the same class


def assurance_of(text: str) -> Assurance:
    """The level of this name; one that isn't known (yet) is worth no more than the weakest of a person."""
    try:
        return Assurance(text)
    except ValueError:
        return Assurance.PASSWORD
