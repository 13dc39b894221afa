"""What staff click while a show is on: the use cases, each one function call in Postgres, which also logs it.

The answer to *close* and to *pause* comes after its COMMIT, and that commit waited for every batch in flight: no vote
of the event can commit later. An answer says what is durable, also when it is asked for again. What hides something is
answered when readers have had the time to hear of it.
"""

from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from command.durable_pool import Connection
from command.events.ballot_sealer import BallotSealer
from command.events.change_runner import Actor, ChangeRunner, Work
from command.events.hearing_wait import HearingWait

Action = Literal["open", "pause", "resume", "activate", "close", "cancel"]  # activate: open, or resume if it is paused
ToConfirm = Literal["cancel", "void"]  # what can't be undone, and may need two people
NO_BALLOT: dict[str, object] = {"ballot": None, "ballot_seal": None}


class StatusChange(NamedTuple):
    """What an event's status is, and since when; `expires_at`: nothing has changed unless it is confirmed by then."""

    status: str
    at: datetime
    expires_at: datetime | None


class Display(NamedTuple):
    """Whether the public sees standings of the past, and since when that is so."""

    frozen: bool
    at: datetime


class Reveal(NamedTuple):
    """How many places are shown, from the last up, and since when."""

    places: int
    at: datetime


class EventChanges:
    """Changes what events do."""

    def __init__(self, runner: ChangeRunner, ballots: BallotSealer, hearing: HearingWait) -> None:
        self._runner = runner
        self._ballots = ballots
        self._hearing = hearing

    async def change_status(self, by: Actor, event_id: UUID, action: Action, key: str | None = None) -> StatusChange:
        """Do this; the same again changes nothing, and with its key also when others have clicked since.

        `NotFound`, `WrongState`; `Busy` if it has changed meanwhile; `Taken`: the key was used for something else.
        """
        return await self._runner.run(self.changing_status(by, event_id, action, key))

    def changing_status(self, by: Actor, event_id: UUID, action: Action, key: str | None) -> Work[StatusChange]:
        """The same as work of a larger transaction."""

        async def work(connection: Connection) -> StatusChange:
            opens = action in ("open", "activate")
            ballot = await self._ballots.seal(connection, event_id) if opens else NO_BALLOT
            asked = {"event_id": event_id, "action": action, "key": key, **by._asdict(), **ballot}
            row = await self._runner.row_of(connection, "change_status", asked)
            return StatusChange(row["status"], row["status_at"], row["expires_at"])

        return work

    async def void(self, by: Actor, event_id: UUID, reason: str) -> StatusChange:
        """Declare a closed event void: its votes stay as they are, and have no result; `NotFound`, `WrongState`."""
        row = await self._runner.row("void_event", event_id=event_id, reason=reason, **by._asdict())
        if not row["expires_at"]:
            await self._hearing.wait_until_hidden()  # what the close has shown
        return StatusChange(row["status"], row["status_at"], row["expires_at"])

    async def confirm(self, by: Actor, event_id: UUID, action: ToConfirm) -> StatusChange:
        """Do what another one has asked for; `NotFound`, `Forbidden`, `NeedsConfirmation`, `WrongState`."""
        row = await self._runner.row("confirm_change", event_id=event_id, action=action, **by._asdict())
        if action == "void":
            await self._hearing.wait_until_hidden()
        return StatusChange(row["status"], row["status_at"], None)

    async def freeze(self, by: Actor, event_id: UUID, *, frozen: bool, key: str | None = None) -> Display:
        """Hold what the public sees, or let it go on; `NotFound`, `WrongState`, `Taken` (the key)."""
        row = await self._runner.row("set_frozen", event_id=event_id, frozen=frozen, key=key, **by._asdict())
        if frozen:
            await self._hearing.wait()
        return Display(row["frozen"], row["display_at"])

    async def reveal(self, by: Actor, event_id: UUID, places: int | None) -> Reveal:
        """Show so many places from the last up (None: all) of what was held back; `NotFound`, `WrongState`."""
        row = await self._runner.row("reveal_results", event_id=event_id, places=places, **by._asdict())
        return Reveal(row["revealed"], row["display_at"])
