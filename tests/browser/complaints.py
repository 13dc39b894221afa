"""What a browser complains of while a page is open: errors of scripts, broken policies, requests to anywhere else."""

from playwright.sync_api import Page


def note_complaints(page: Page, edge_url: str, complaints: list[str]) -> None:
    """Add to `complaints` what goes wrong in this page from now on; requests may go to the edge only."""
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request", lambda asked: complaints.extend([] if asked.url.startswith((edge_url, "data:")) else [asked.url])
    )
    page.on("console", lambda line: complaints.extend([line.text] if "Security Policy" in line.text else []))
