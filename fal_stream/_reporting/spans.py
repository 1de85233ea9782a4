"""A span of OpenTelemetry for each stream, where the program has imported its API.

Promises: nothing is imported here, so a program without OpenTelemetry pays a look into a dict for
each stream. Leaves to others: providers, exporters and sampling, which are the program's.
"""

from __future__ import annotations

import sys
from typing import Any

from .._shared.report import StreamReport
from .._version import __version__

_API = "opentelemetry.trace"
_PREFIX = "fal."
# The name that OpenTelemetry's conventions have for it.
_NAMES = {"error": "error.type", "status": "http.response.status_code"}


def begin_span(endpoint_id: str) -> Any:
    """Begin the span of a stream, as a child of the span that is current.

    Args:
        endpoint_id: The endpoint.

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


def end_span(span: Any, report: StreamReport) -> None:
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
