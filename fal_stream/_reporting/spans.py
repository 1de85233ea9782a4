"""An OpenTelemetry span for each stream, and the trace context in the headers of requests.

Promises: OpenTelemetry is used only if the program has imported its API. Otherwise, it costs one
look-up in a dict for each stream and each request. Providers, exporters, sampling and propagators
are left to the program.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from .._shared.summary import StreamSummary
from .._version import __version__

_API = "opentelemetry.trace"
_PREFIX = "fal."
# Names in OpenTelemetry's semantic conventions (https://opentelemetry.io/docs/specs/semconv/).
_NAMES = {"error": "error.type", "status": "http.response.status_code"}


def begin_span(endpoint_id: str) -> Any:
    """Start the span of a stream, as a child of the current span, and return it.

    Returns:
        The span, or None if the program doesn't use OpenTelemetry.
    """
    api: Any = sys.modules.get(_API)
    if api is None:
        return None
    return api.get_tracer("fal_stream", __version__).start_span(
        f"stream {endpoint_id}",
        kind=api.SpanKind.CLIENT,
        attributes={_PREFIX + "endpoint": endpoint_id},
    )


def current_span(span: Any) -> AbstractContextManager[Any]:
    """Return a context manager in which a span is the current one; None does nothing."""
    # A span without a provider would hide the current span.
    if span is None or not span.get_span_context().is_valid:
        return nullcontext()
    with_span: AbstractContextManager[Any] = sys.modules[_API].use_span(
        span, record_exception=False, set_status_on_exception=False
    )
    return with_span


def trace_headers() -> dict[str, str]:
    """Return the headers that pass the current span to a server, such as `traceparent`.

    Returns:
        The headers of the program's propagators (`OTEL_PROPAGATORS`), names in lower case; none if
        there is no current span.
    """
    api: Any = sys.modules.get(_API)
    if api is None or not api.get_current_span().get_span_context().is_valid:
        return {}
    from opentelemetry import propagate

    headers: dict[str, str] = {}
    propagate.inject(headers)
    return {
        name.lower(): value
        for name, value in headers.items()
        if value.isascii() and value.isprintable()
    }


def end_span(span: Any, summary: StreamSummary) -> None:
    """End the span of a stream, with the summary as its attributes."""
    for name, value in summary.fields.items():
        span.set_attribute(_NAMES.get(name, _PREFIX + name), value)
    if summary.error is not None:
        span.set_status(sys.modules[_API].StatusCode.ERROR, type(summary.error).__name__)
    span.end()
