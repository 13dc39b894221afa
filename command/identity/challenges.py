"""Challenges: the use cases of handing one out, and of giving the token of a registration for one that was solved."""

import secrets
import time
from typing import NamedTuple

from command.identity.challenge_load import ChallengeLoad
from command.identity.challenge_store import ChallengeStore
from command.identity.settings import ChallengeEffort
from command.identity.token_mint import TokenMint
from contract.challenge import Aim, Challenge, Challenger, Solved
from contract.errors import ChallengeInvalid

REGISTER = Aim("register")


class SolvedToken(NamedTuple):
    """A Bearer for one registration, and for how many seconds it is valid."""

    token: str
    lifetime_s: int


class Challenges:
    """Hands challenges out, and takes each solution once."""

    def __init__(
        self,
        challenger: Challenger,
        effort: ChallengeEffort,
        store: ChallengeStore,
        mint: TokenMint,
        token_lifetime_s: int,
    ) -> None:
        self._challenger = challenger
        self._effort = effort
        self._load = ChallengeLoad(effort)
        self._store = store
        self._mint = mint
        self._token_lifetime_s = token_lifetime_s

    def hand_out(self, aim: Aim, network: str) -> Challenge:
        """A challenge for this aim; the harder, the more were handed out lately. `TooMany` for this network."""
        now_s = time.time()
        tries_max = int(self._effort.tries_max * self._load.add(network, now_s))
        counter = tries_max // 2 + secrets.randbelow(tries_max - tries_max // 2)
        return self._challenger.make(aim, self._effort.iterations, counter, int(now_s) + self._effort.lifetime_s)

    async def spend(self, payload: str, aim: Aim) -> Solved:
        """Take a solution for this aim, once for ever; `ChallengeInvalid` when it is wrong, expired or used."""
        solved = self._challenger.check(payload, aim)
        if not await self._store.burn(solved):
            raise ChallengeInvalid("the challenge was used before")
        return solved

    async def exchange(self, payload: str) -> SolvedToken:
        """A token to register with for a solution; errors as `spend`."""
        solved = await self.spend(payload, REGISTER)
        return SolvedToken(self._mint.registration(solved.challenge_id, self._token_lifetime_s), self._token_lifetime_s)
