"""What a process says at /metrics, read as a scraper reads it."""

import urllib.request
from collections.abc import Mapping

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as plain_families

from ops.embedded.readiness import DIRECTLY

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


class Scrape:
    """One answer of /metrics."""

    def __init__(self, text: str, content_type: str) -> None:
        self.text = text
        parse = openmetrics_families if content_type.startswith("application/openmetrics-text") else plain_families
        self.families = {family.name: family for family in parse(text)}
        self._samples = [sample for family in self.families.values() for sample in family.samples]

    @property
    def series(self) -> int:
        """How many series there are."""
        return len(self._samples)

    def sum(self, sample: str, labels: Mapping[str, str] | None = None) -> float:
        """Of all samples of this name with these labels, whatever else they have; 0 without any."""
        wanted = (labels or {}).items()
        return sum(each.value for each in self._samples if each.name == sample and wanted <= each.labels.items())


def scrape(url: str, accept: str = "") -> Scrape:
    """Ask the process at this address; raises OSError."""
    request = urllib.request.Request(f"{url}/metrics", headers={"Accept": accept} if accept else {})
    with DIRECTLY.open(request, timeout=10) as response:
        return Scrape(response.read().decode(), response.headers["Content-Type"])
