"""What only the operator's command line is told."""

import dataclasses
import re

from contract.settings import setting

_NAME = re.compile(r"[\w.@+-]{1,64}")


def operator_name(text: str) -> str:
    """A name that stands in logs as it is; ValueError."""
    if not _NAME.fullmatch(text):
        raise ValueError("it must have 1 to 64 letters, digits or .@+-_")
    return text


@dataclasses.dataclass(frozen=True, slots=True)
class Operator:
    """Who sits at the command line, for the logs; unset: the login name on that machine."""

    name: str = setting("OPERATOR_NAME", "", operator_name)
