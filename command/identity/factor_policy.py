"""From whom a second factor is asked before a token says that they are staff. Pure.

                        has a factor         has none
    STAFF_SECOND_FACTOR
    offered             asked of them        nothing is asked
    required            asked of them        no role until they have one

A session in which one was shown, or the code that came with the role, keeps its roles through every refresh.
"""

import enum
from collections.abc import Collection

ROLES_OF_STAFF = ("host", "admin", "auditor")


class SecondFactor(enum.Enum):
    """What a session has to do with second factors: the value is what clients are told."""

    NONE = "none"  # nothing is asked
    SHOWN = "shown"
    NEEDED = "needed"  # roles of staff are withheld until one is shown
    MISSING = "missing"  # … until there is one


class FactorPolicy:
    """Whether a second factor is required of all staff."""

    def __init__(self, *, required: bool) -> None:
        self.required = required

    def of(self, roles: Collection[str], *, shown: bool, has_factor: bool) -> SecondFactor:
        """What is asked in a session of a person with these roles."""
        if not is_staff(roles):
            return SecondFactor.NONE
        if shown:
            return SecondFactor.SHOWN
        if has_factor:
            return SecondFactor.NEEDED
        return SecondFactor.MISSING if self.required else SecondFactor.NONE


def is_staff(roles: Collection[str]) -> bool:
    """Whether any of them is a role of staff."""
    return not set(roles).isdisjoint(ROLES_OF_STAFF)


def roles_told(roles: list[str], state: SecondFactor) -> list[str]:
    """The roles that a token may say."""
    if state not in (SecondFactor.NEEDED, SecondFactor.MISSING):
        return roles
    return [role for role in roles if role not in ROLES_OF_STAFF] or ["viewer"]
