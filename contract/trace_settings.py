"""Which requests are traced, and where their spans go; read by every process."""

import dataclasses

from contract import production
from contract.settings import setting, share


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("it must be true or false")
    return text.lower() == "true"


def _sampler(name: str) -> str:
    if name.removeprefix("parentbased_") not in ("always_on", "always_off", "traceidratio"):
        raise ValueError("it must be always_on, always_off or traceidratio, or one of them after parentbased_")
    return name


@dataclasses.dataclass(frozen=True, slots=True)
class Tracing:
    """Where traces go and which, by OpenTelemetry's own variables: OTLP over HTTP, protobuf. Off without an endpoint.

    The sampler's argument is the share of requests that are traced. A client's `sampled` flag counts in its place
    (parentbased_), but for so many traces a second and process. Errors (5xx) and what took longer than `slow_ms` are
    kept besides, within their own bound; by always_off nothing is. The exporter reads OTEL_EXPORTER_OTLP_HEADERS,
    _TIMEOUT, _COMPRESSION and _CERTIFICATE itself, the SDK OTEL_RESOURCE_ATTRIBUTES and OTEL_BSP_….
    """

    endpoint: str = setting("OTEL_EXPORTER_OTLP_ENDPOINT", "", check=production.certified_http)
    traces_endpoint: str = setting("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "", check=production.certified_http)
    disabled: bool = setting("OTEL_SDK_DISABLED", default=False, parse=_truth)
    service: str = setting("OTEL_SERVICE_NAME", "")
    sampler: str = setting("OTEL_TRACES_SAMPLER", "parentbased_traceidratio", _sampler)
    share: float = setting("OTEL_TRACES_SAMPLER_ARG", 0.01, share, "of all requests")
    client_traces_max: int = setting("CLIENT_TRACES_PER_S_MAX", 10, int, "traces a second")
    kept_traces_max: int = setting("KEPT_TRACES_PER_S_MAX", 50, int, "traces a second")
    slow_ms: int = setting("TRACE_SLOW_MS", 1_000, int, "ms")

    @property
    def is_on(self) -> bool:
        """Whether spans are made at all."""
        return bool(self.url) and not self.disabled

    @property
    def url(self) -> str:
        """Where spans are sent; "": nowhere."""
        return self.traces_endpoint or (f"{self.endpoint.rstrip('/')}/v1/traces" if self.endpoint else "")
