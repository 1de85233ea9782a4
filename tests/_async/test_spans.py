"""The span of each stream, where OpenTelemetry is in use."""

from __future__ import annotations

from typing import Any

import pytest

from fal_stream import AsyncStreamingClient
from fal_stream.testing import Failure, Hang, LocalFal

from .reading import read

trace = pytest.importorskip("opentelemetry.trace")
sdk = pytest.importorskip("opentelemetry.sdk.trace")
export = pytest.importorskip("opentelemetry.sdk.trace.export")
memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")


@pytest.fixture
def tracer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A tracer of a provider that serves this test only, and keeps its spans as `exported`."""
    provider, exporter = sdk.TracerProvider(), memory.InMemorySpanExporter()
    provider.add_span_processor(export.SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    tracer = provider.get_tracer("the program")
    tracer.exported = exporter.get_finished_spans
    return tracer


async def test_a_success(fal: LocalFal, client: AsyncStreamingClient, tracer: Any) -> None:
    fal.add("acme/app", [1, 22])
    with tracer.start_as_current_span("parent") as parent:
        stream = client.stream("acme/app", input={"prompt": "no payload"})
        await stream.done()
    span, _ = tracer.exported()
    assert span.name == "stream acme/app"
    assert span.kind is trace.SpanKind.CLIENT
    assert span.parent.span_id == parent.get_span_context().span_id
    assert span.instrumentation_scope.name == "fal_stream"
    attributes = dict(span.attributes)
    assert attributes.pop("fal.seconds") >= 0
    assert attributes == {
        "fal.endpoint": "acme/app",
        "fal.request_id": stream.request_id,
        "fal.outcome": "done",
        "fal.chunks": 2,
        "fal.bytes": 19,
    }
    assert span.status.status_code is trace.StatusCode.UNSET


async def test_an_error(fal: LocalFal, client: AsyncStreamingClient, tracer: Any) -> None:
    fal.add("acme/app", Failure(500, "a payload"))
    await read(client.stream("acme/app"))
    (span,) = tracer.exported()
    assert span.status.status_code is trace.StatusCode.ERROR
    assert span.status.description == "ApiError"
    assert span.attributes["error.type"] == "ApiError"
    assert span.attributes["http.response.status_code"] == 500
    assert span.attributes["fal.outcome"] == "error"
    assert "a payload" not in span.to_json()


async def test_an_abort_is_no_error(
    fal: LocalFal, client: AsyncStreamingClient, tracer: Any
) -> None:
    fal.add("acme/app", [1, Hang()])
    async with client.stream("acme/app") as stream:
        async for _ in stream:
            stream.abort()
    (span,) = tracer.exported()
    assert span.attributes["fal.outcome"] == "aborted"
    assert span.status.status_code is trace.StatusCode.UNSET


async def test_a_stream_that_was_not_started_has_no_span(
    fal: LocalFal, client: AsyncStreamingClient, tracer: Any
) -> None:
    await client.stream("acme/app").aclose()
    assert tracer.exported() == ()
