"""How an event presents itself on screens: its colours, its times, and the code by which people join."""

import msgspec

from contract.answer_text import Id, Time


class PageTheme(msgspec.Struct, frozen=True):
    """Colours as #rrggbb, the name of a font, the address of a logo; null: the page's own."""

    background: str | None = None
    foreground: str | None = None
    accent: str | None = None
    font: str | None = None
    logo_url: str | None = None


class EventLook(msgspec.Struct, frozen=True):
    """What pages and graphics need to know of an event beside its numbers; `/j/{short_code}` leads to the vote."""

    event_id: Id
    event_name: str
    status: str
    opens_at: Time | None
    closes_at: Time | None
    rehearsal: bool
    short_code: str
    theme: PageTheme
