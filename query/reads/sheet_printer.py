"""Prints the result sheet of an event. A program of its own, so that setting a page in all the world's scripts, which
takes seconds, is nobody else's time or memory.

    python -m query.reads.sheet_printer        reads a `SheetContent` as JSON, writes a PDF
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from pathlib import Path

import msgspec
from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace, TTFFont

from query.reads.sheet_content import SheetAct, SheetContent, digest_of

FONT = "NotoSans"
_MARGIN_MM = 18
_GREY = 110
_TITLE_PT, _HEAD_PT, _TEXT_PT, _SMALL_PT, _FINE_PT = 20, 12, 10, 8, 6
_LIGHT = FontFace(color=_GREY)


def pdf_of(content: SheetContent) -> bytes:
    """The sheet as PDF, A4."""
    pdf = _Sheet(content)
    pdf.add_page()
    _text(pdf, content.title, _TITLE_PT)
    _text(pdf, content.state, _HEAD_PT)
    _pairs(pdf, content.facts)
    _result(pdf, content)
    _head(pdf, "What was counted")
    digest = digest_of(content.event_id, ((row.contestant_id, row.votes) for row in content.rows))
    _pairs(pdf, [*content.positions, ("SHA-256 of the result", digest), ("Seal of the ballot", content.ballot_seal)])
    explained = (
        "The digest is of these lines, each ended by a line feed: the event's id; then, by id, each contestant's id, "
        "a space, and the votes."
    )
    _text(pdf, explained, _SMALL_PT, _GREY)
    _acts(pdf, content.acts)
    return bytes(pdf.output())


class _Sheet(FPDF):
    """A4 with the event and the page's number at the foot of each page, and a font for each script that is in it."""

    def __init__(self, content: SheetContent) -> None:
        super().__init__()
        self._foot = f"{content.event_id} · made at {content.made_at} · page "
        self.set_margin(_MARGIN_MM)
        self.set_line_width(0.1)
        self.set_draw_color(_GREY)
        self.set_auto_page_break(auto=True, margin=_MARGIN_MM)
        self.set_title(content.title)
        self.set_text_shaping(use_shaping_engine=True)
        _add_fonts(self, msgspec.json.encode(content).decode() + self._foot)
        self.set_font(FONT, size=_TEXT_PT)

    def footer(self) -> None:
        """What FPDF calls at the end of each page."""
        self.set_y(-_MARGIN_MM + 4)
        self.set_font(FONT, size=_SMALL_PT)
        self.set_text_color(_GREY)
        self.cell(0, 5, f"{self._foot}{self.page_no()}", align="C")
        self.set_text_color(0)


def _add_fonts(pdf: FPDF, text: str) -> None:
    """The plain font, and of the others those that have characters of this text which none before has."""
    missing = {ord(character) for character in text if character.isprintable()}
    others: list[str] = []
    for path in _fonts():
        name = path.name.partition("[")[0].removesuffix(".otf.ttc")
        if others or missing or name == FONT:
            pdf.add_font(name, fname=path)
            font = pdf.fonts[name.lower()]
            assert isinstance(font, TTFFont)
            if name != FONT and missing & font.cmap.keys():
                others.append(name)
            missing -= font.cmap.keys()
        if not missing:
            break
    pdf.set_fallback_fonts(others, exact_match=False)


def _fonts() -> Iterator[Path]:
    """Noto Sans, then its other scripts, and the largest file last: those of China, Japan and Korea."""
    for package in ("manimgx_fonts", "manimgx_fonts_cjk"):
        folder = Path(str(resources.files(package)))
        files = [path for path in folder.iterdir() if path.suffix in (".ttf", ".ttc") and "Italic" not in path.name]
        yield from sorted(files, key=lambda path: (path.name.partition("[")[0] != FONT, path.name))


def _text(pdf: FPDF, text: str, points: int, grey: int = 0) -> None:
    pdf.set_font(FONT, size=points)
    pdf.set_text_color(grey)
    pdf.multi_cell(0, points * 0.5, text, new_x="LMARGIN", new_y="NEXT", align="L")
    pdf.set_text_color(0)


def _head(pdf: FPDF, text: str) -> None:
    pdf.ln(4)
    _text(pdf, text, _HEAD_PT)
    pdf.ln(1)


def _table(
    pdf: FPDF, rows: Iterable[Sequence[str]], widths: Sequence[int], aligns: str, points: int = _TEXT_PT
) -> None:
    pdf.set_font(FONT, size=points)
    layout = TableBordersLayout.HORIZONTAL_LINES
    with pdf.table(
        col_widths=tuple(widths), text_align=tuple(aligns), borders_layout=layout, headings_style=_LIGHT, line_height=5
    ) as table:
        for row in rows:
            table.row(row)


def _pairs(pdf: FPDF, pairs: Iterable[tuple[str, str]]) -> None:
    pdf.ln(2)
    for what, said in pairs:
        pdf.set_font(FONT, size=_TEXT_PT)
        pdf.set_text_color(_GREY)
        pdf.cell(45, 5, what)
        pdf.set_text_color(0)
        pdf.multi_cell(0, 5, said, new_x="LMARGIN", new_y="NEXT", align="L")


def _result(pdf: FPDF, content: SheetContent) -> None:
    _head(pdf, "Votes")
    rows = [
        (f"{row.place}", row.contestant_name, row.party or "", f"{row.votes:,}", f"{row.percentage or 0:.2f} %")
        for row in content.rows
    ]
    head, total = ("", "Contestant", "Party", "Votes", "Share"), ("", "All", "", f"{content.total_votes:,}", "")
    _table(pdf, [head, *rows, total], (6, 44, 22, 16, 12), "RLLRR", _TEXT_PT)


def _acts(pdf: FPDF, acts: Sequence[SheetAct]) -> None:
    _head(pdf, "Who did what")
    rows = [(act.at, act.action, act.role, act.actor, act.trace_id) for act in acts]
    _table(pdf, [("When", "What", "As", "Who", "Trace"), *rows], (21, 18, 8, 27, 26), "LLLLL", _FINE_PT)


if __name__ == "__main__":
    sys.stdout.buffer.write(pdf_of(msgspec.json.decode(sys.stdin.buffer.read(), type=SheetContent)))
