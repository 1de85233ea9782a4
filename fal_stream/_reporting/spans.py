"""An OpenTelemetry span for each stream, and the trace context in the headers of requests.

Promises: OpenTelemetry is used only if the program has imported its API, so that a program without
it pays one look-up in a dict for each stream and each request. Elsewhere: providers, exporters,
sampling and propagators belong to the program.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from .._shared.summary import StreamSummary
from .._version import __version__

_API = "opentelemetry.trace"
_PREFIX = "fal."
# The name in OpenTelemetry's semantic conventions (https://opentelemetry.io/docs/specs/semconv/).
_NAMES = {"error": "error.type", "status": "http.response.status_code"}


def begin_span(endpoint_id: str) -> Any:
    """Begin the span of a stream, as a child of the span that is current.

    Returns:
        The span, or None where the program doesn't use OpenTelemetry.
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
    """Make a span the current one in a `with`: what is done there are its children.

    Args:
        span: The span, or None for none.
    """
    # A span without a provider would hide the current span.
    if span is None or not span.get_span_context().is_valid:
        return nullcontext()
    with_span: AbstractContextManager[Any] = sys.modules[_API].use_span(
        span, record_exception=False, set_status_on_exception=False
    )
    return with_span


def trace_headers() -> dict[str, str]:
    """Return the headers that tell a server which span is the current one, as `traceparent`.

    Returns:
        The headers, names in lower case, as the program's propagators write them (the setting
        `OTEL_PROPAGATORS`); none where there is no current span.
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


def end_span(span: Any, report: StreamSummary) -> None:
    """End the span of a stream.

    Args:
        span: The span.
        report: What is told of the stream.
    """
    for name, value in report.fields.items():
        span.set_attribute(_NAMES.get(name, _PREFIX + name), value)
    if report.error is not None:
        span.set_status(sys.modules[_API].StatusCode.ERROR, type(report.error).__name__)
    span.end()
