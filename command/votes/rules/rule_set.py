"""The rules of one file: read, checked as a whole, and asked about one vote at a time. Pure but for reading the file.

A rule has a signal with its limits, or it combines rules that stand before it: all of some, and any of others.
"""

import enum
import inspect
import tomllib
from collections.abc import Collection, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec

from command.votes.rules.evidence import KEPT_BEFORE_OPENING_S, Counting, Counts, Evidence, RuleName
from command.votes.rules.signals import SIGNALS, Signal

SHIPPED = "shipped"
OFF = "off"


class Action(enum.IntEnum):
    """What is done about a vote, from nothing to the most."""

    PASS = 0
    OBSERVE = 1
    CHALLENGE = 2
    REFUSE = 3


class RuleFileError(ValueError):
    """A rules file can't be used; the message says which rule and why."""


class _Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{1,60}$")]
    version: Annotated[int, msgspec.Meta(ge=1)]
    action: str
    why: Annotated[str, msgspec.Meta(min_length=10)]
    signal: str = ""
    limits: dict[str, Annotated[int, msgspec.Meta(ge=0)]] = {}
    all_of: list[str] = []
    any_of: list[str] = []


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    counting: Counting
    rules: list[_Rule]


class _Combination(NamedTuple):
    """A rule that is met by others: all of `every`, and any of `some` where there are some."""

    number: int
    every: frozenset[int]
    some: frozenset[int]

    def is_met(self, hits: Collection[int]) -> bool:
        return self.every.issubset(hits) and (not self.some or not self.some.isdisjoint(hits))


class RuleSet:
    """Rules in the order of their file; `names` and `whys` have the same indices as hits."""

    def __init__(self, text: str) -> None:
        try:
            file = msgspec.convert(tomllib.loads(text), _File)
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise RuleFileError(str(error)) from error
        self.counting = _checked(file.counting)
        self.names: Sequence[RuleName] = [RuleName(rule.name, rule.version, rule.action) for rule in file.rules]
        self.whys: Sequence[str] = [rule.why for rule in file.rules]
        self._actions = [_action(rule) for rule in file.rules]
        self._signals: list[tuple[int, Signal]] = []
        self._combinations: list[_Combination] = []
        numbers: dict[str, int] = {}
        for number, rule in enumerate(file.rules):
            if bool(rule.signal) == bool(rule.all_of or rule.any_of):
                raise RuleFileError(f"{rule.name}: it must have a signal, or all_of and any_of, and not both")
            if rule.signal:
                self._signals.append((number, _signal(rule)))
            else:
                self._combinations.append(_combination(number, rule, numbers))
            if rule.name in numbers:
                raise RuleFileError(f"two rules are named {rule.name}")
            numbers[rule.name] = number

    def hits(self, evidence: Evidence, counts: Counts) -> tuple[int, ...]:
        """The indices of the rules that this vote meets; the same for the same inputs, whenever it is asked."""
        found = [index for index, signal in self._signals if signal(evidence, counts)]
        if found:  # without any there is nothing to combine
            for rule in self._combinations:
                if rule.is_met(found):
                    found.append(rule.number)
        return tuple(found)

    def action(self, evidence: Evidence, hits: Collection[int]) -> Action:
        """The most that a hit asks for; but an account of unknown age, as an operator's own, is observed only."""
        if not hits:
            return Action.PASS
        action = max(self._actions[index] for index in hits)
        if evidence.account_s is None or (action is Action.CHALLENGE and evidence.challenge_passed):
            return Action.OBSERVE
        return action


def read_rules(file: str) -> RuleSet:
    """The rules of the file at this path, or those that are `shipped`; raises `RuleFileError` or OSError."""
    shipped = resources.files("command.votes.rules").joinpath("shipped.toml")
    return RuleSet(shipped.read_text(encoding="utf-8") if file == SHIPPED else Path(file).read_text(encoding="utf-8"))


def _checked(counting: Counting) -> Counting:
    if counting.window_s < 1 or not 0 <= counting.new_before_opening_s <= KEPT_BEFORE_OPENING_S:
        raise RuleFileError(
            f"counting: a window of 1 s at least, and up to {KEPT_BEFORE_OPENING_S} s before the opening"
        )
    return counting


def _action(rule: _Rule) -> Action:
    try:
        return {each.name.lower(): each for each in Action if each}[rule.action]
    except KeyError as error:
        raise RuleFileError(f"{rule.name}: the action must be observe, challenge or refuse") from error


def _combination(number: int, rule: _Rule, numbers: dict[str, int]) -> _Combination:
    try:
        every, some = (frozenset(numbers[name] for name in names) for names in (rule.all_of, rule.any_of))
    except KeyError as error:
        raise RuleFileError(f"{rule.name}: no rule before it is named {error}") from error
    return _Combination(number, every, some)


def _signal(rule: _Rule) -> Signal:
    make = SIGNALS.get(rule.signal)
    if make is None:
        raise RuleFileError(f"{rule.name}: there is no signal {rule.signal}, only {', '.join(SIGNALS)}")
    wanted = set(inspect.signature(make).parameters)
    if rule.limits.keys() != wanted:
        raise RuleFileError(f"{rule.name}: the limits of {rule.signal} are {', '.join(sorted(wanted)) or 'none'}")
    return make(**rule.limits)
