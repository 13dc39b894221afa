"""A report of an audit in words, as JSON, and as a page that prints well."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from html import escape
from importlib import resources
from string import Template

import msgspec

from ops.auditor.event_audit import Check, Report
from ops.auditor.leaf_check import SEALS
from ops.auditor.questions import Row

OLD_AFTER_S = 60  # what a replica may be behind without a word
_WHOLE_MAX = 16  # letters that are never broken, as numbers and percentages

_FACTS = (
    ("Event", "event_name"), ("Event id", "event_id"), ("Status", "status"), ("Opens at", "opens_at"),
    ("Closes at", "closes_at"), ("Opened", "opened_at"), ("Since", "status_at"), ("Void", "void_reason"),
    ("Voting ended", "closed_at"), ("Asked at", "asked_at"), ("WAL position", "wal_position"),
    ("On a replica", "on_replica"), ("Partitions", "partitions"), ("Keys", "key_no"), ("Public results", "shown"),
    ("Ballot seal", "ballot_seal"), ("Ballot", "ballot"),
)  # fmt: skip


def as_text(report: Report) -> str:
    """Every check and what it found, a line each; then the result."""
    return "\n".join(_lines(report)) + "\n"


def as_json(report: Report) -> bytes:
    """All of it, for scripts."""
    return msgspec.json.encode({"sound": report.sound, **msgspec.structs.asdict(report)}, enc_hook=str)


def as_page(report: Report, *, choices: bool) -> str:
    """HTML without scripts; how the holders of receipts voted stands in it only with `choices`."""
    page = Template(resources.files("ops.auditor").joinpath("report.html").read_text(encoding="utf-8"))
    return page.substitute(
        title=escape(f"Audit of {report.event['event_name']}"),
        verdict=escape(_verdict(report)),
        state="found" if report.findings else "sound" if report.sound else "unknown",
        facts=_html_table([{"what": name, "is": value} for name, value in _facts(report)]),
        checks="".join(_html_check(check, _hint(check, report)) for check in report.checks)
        + _html_not_compared(report.not_compared),
        results=_html_table(report.results),
        handed_in=_html_handed_in(report, choices=choices),
        told="".join(f"<h2>{escape(title)}</h2>{_html_table(rows)}" for title, rows in report.told.items()),
    )


def _verdict(report: Report) -> str:
    rehearsal = "; this was a rehearsal: none of it is a real vote" if report.event.get("rehearsal") else ""
    clean = "nothing was found" if report.sound else "can't tell"
    verdict = f"{report.findings} findings" if report.findings else clean
    partly = "; not all was compared" if report.not_compared else ""
    void = "; this round is void: it has no result" if report.event.get("void_reason") else ""
    counted = f"{report.rows} votes, {report.receipts} receipts" if "event_id" in report.event else "all that is on air"
    return f"{counted}: {verdict}{partly}{rehearsal}{void}{_old(report)}"


def _old(report: Report) -> str:
    """A replica that is behind knows nothing of what is done now, nor of a lie that was told since."""
    behind_s = report.event.get("behind_s") or 0
    return f"; but the replica may be {behind_s} s behind" if behind_s > OLD_AFTER_S else ""


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    for name, key in _FACTS:
        if (value := report.event.get(key)) is not None:
            yield name, _plain(value)
    if report.event.get("replayed_at"):
        behind_s = report.event["behind_s"]
        how = f"up to {behind_s} s, unless the primary was idle" if behind_s else "no: all that came is replayed"
        yield "Newest commit there", _plain(report.event["replayed_at"])
        yield "Behind", how
    if report.seal_sum:
        yield "Sum of all seals", report.seal_sum


def _lines(report: Report) -> Iterator[str]:
    yield _verdict(report)
    for name, value in _facts(report):
        yield f"  {name}: {value}"
    for check in report.checks:
        yield f"{'FOUND' if check.total else 'ok   '} {check.title}"
        for row in check.found:
            yield "      " + _words(row)
        if check.total > len(check.found):
            yield f"      … and {check.total - len(check.found)} more"
        if hint := _hint(check, report):
            yield f"      {hint}"
    if report.not_compared:
        yield f"not compared: {report.not_compared}"
    for row in report.handed_in:
        yield "vote  " + _words(row)
    for row in report.results:
        yield f"{row['votes']:>12}  {row['percent'] or 0:>8} %  {row['contestant_name']}"


def _words(row: Row) -> str:
    return ", ".join(f"{name} {_plain(value)}" for name, value in row.items())


def _plain(value: object) -> str:
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)


def _hint(check: Check, report: Report) -> str:
    """If all rows are wrong, the likeliest thing is that the audit is."""
    every = check.title == SEALS and check.total >= report.rows > 0
    return "Every row: were they sealed by another key than the one of this number?" if every else ""


def _html_check(check: Check, hint: str) -> str:
    state = "found" if check.total else "sound"
    more = f"<p>… and {check.total - len(check.found)} more</p>" if check.total > len(check.found) else ""
    answer = f"{check.total} found" if check.total else "no finding"
    table = _html_table(check.found) + more + (f"<p>{escape(hint)}</p>" if hint else "")
    return f'<section class="{state}"><h3>{escape(check.title)}</h3><p>{answer}</p>{table}</section>'


def _html_not_compared(why: str) -> str:
    return f'<section class="unknown"><h3>Not compared</h3><p>{escape(why)}</p></section>' if why else ""


def _html_handed_in(report: Report, *, choices: bool) -> str:
    if not report.handed_in:
        return ""
    count = f"<p>{report.receipts} receipts; how their holders voted isn't said here.</p>"
    return "<h2>The votes of the receipts</h2>" + (_html_table(report.handed_in) if choices else count)


def _html_table(rows: Iterable[Row]) -> str:
    rows = list(rows)
    if not rows:
        return ""
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in rows[0])
    body = "".join("<tr>" + "".join(_html_cell(value) for value in row.values()) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _html_cell(value: object) -> str:
    text = "" if value is None else escape(str(_plain(value)))
    return f'<td class="whole">{text}</td>' if len(text) <= _WHOLE_MAX else f"<td>{text}</td>"
