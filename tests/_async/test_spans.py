"""The span of each stream, where OpenTelemetry is in use."""

from __future__ import annotations

from typing import Any

import pytest

from fal_stream import AsyncStreamingClient, RetryPolicy
from fal_stream.testing import Failure, Hang, LocalFal, RecordedRequest

from .read_stream import read

trace = pytest.importorskip("opentelemetry.trace")
sdk = pytest.importorskip("opentelemetry.sdk.trace")
export = pytest.importorskip("opentelemetry.sdk.trace.export")
instrumentation = pytest.importorskip("opentelemetry.instrumentation.httpx")
memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")


@pytest.fixture
def tracer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A tracer of a provider that serves this test only, and keeps its spans as `exported`."""
    provider, exporter = sdk.TracerProvider(), memory.InMemorySpanExporter()
    provider.add_span_processor(export.SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    tracer = provider.get_tracer("the program")
    tracer.exported = exporter.get_finished_spans
    tracer.provider = provider
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


# What goes out.


def traceparent(span: Any) -> str:
    """Write a span as the header of W3C has it."""
    context = span.get_span_context()
    ids = f"{context.trace_id:032x}-{context.span_id:016x}"
    return f"00-{ids}-{context.trace_flags:02x}"


async def test_the_server_is_told_of_the_span(
    fal: LocalFal, client: AsyncStreamingClient, tracer: Any
) -> None:
    fal.add("acme/app", [1])
    with tracer.start_as_current_span("parent") as parent:
        await client.stream("acme/app").done()
        assert trace.get_current_span() is parent
    span, _ = tracer.exported()
    (request,) = fal.requests
    assert request.headers["traceparent"] == traceparent(span)
    assert span.parent.span_id == parent.get_span_context().span_id


async def test_the_chunks_are_read_under_the_programs_own_span(
    fal: LocalFal, client: AsyncStreamingClient, tracer: Any
) -> None:
    fal.add("acme/app", [1, 2])
    with tracer.start_as_current_span("parent") as parent:
        async for _ in client.stream("acme/app"):
            assert trace.get_current_span() is parent


async def test_each_request_of_a_stream(fal: LocalFal, tracer: Any) -> None:
    """Those of the token, the upload and the second attempt are children of the same span."""
    seen: list[Any] = []
    answers: list[Any] = [[1], Failure(503)]
    fal.add("acme/app", lambda request: answers.pop())

    def note(request: Any) -> Any:
        seen.append(trace.get_current_span())
        return request

    async with AsyncStreamingClient(
        **fal.settings, retry=RetryPolicy(base_delay=0), request_middleware=note
    ) as client:
        stream = client.stream("acme/app", input={"image": b"x"}, connection_mode="client")
        assert await stream.done() == 1
    (span,) = tracer.exported()
    told = {request.headers.get("traceparent") for request in fal.requests if not is_put(request)}
    assert told == {traceparent(span)}
    assert len(fal.requests) == 5
    # An address that the storage gave gets no header but its own.
    assert [request.headers.get("traceparent") for request in fal.requests if is_put(request)] == [
        None
    ]
    assert {one.get_span_context().span_id for one in seen} == {span.get_span_context().span_id}


def is_put(request: RecordedRequest) -> bool:
    return request.method == "PUT"


async def test_a_header_of_the_programs_own_stays(
    fal: LocalFal, client: AsyncStreamingClient, tracer: Any
) -> None:
    fal.add("acme/app", [1])
    await client.stream("acme/app", headers={"Traceparent": "mine"}).done()
    assert [request.headers["traceparent"] for request in fal.requests] == ["mine"]


async def test_without_a_span_there_is_no_header(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1])
    await client.stream("acme/app").done()
    assert "traceparent" not in fal.requests[0].headers


async def test_a_context_without_a_provider_is_handed_on(
    fal: LocalFal, client: AsyncStreamingClient
) -> None:
    fal.add("acme/app", [1])
    given = trace.NonRecordingSpan(trace.SpanContext(5, 7, True, trace.TraceFlags(1)))
    with trace.use_span(given):
        await client.stream("acme/app").done()
    assert fal.requests[0].headers["traceparent"] == traceparent(given)


async def test_what_no_header_can_hold_is_left_out(
    fal: LocalFal, client: AsyncStreamingClient, tracer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    propagate = pytest.importorskip("opentelemetry.propagate")

    def inject(carrier: dict[str, str]) -> None:
        carrier.update({"B3": "x", "x-broken": "a\r\nb", "x-foreign": "\u00e4"})

    monkeypatch.setattr(propagate, "inject", inject)
    fal.add("acme/app", [1])
    await client.stream("acme/app").done()
    headers = fal.requests[0].headers
    assert headers["b3"] == "x"
    assert not {"x-broken", "x-foreign"} & headers.keys()


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
async def test_an_http_client_of_the_users(fal: LocalFal, tracer: Any, library: str) -> None:
    package = pytest.importorskip(library)
    fal.add("acme/app", [1])
    async with (
        package.AsyncClient() as http_client,
        AsyncStreamingClient(**fal.settings, http_client=http_client) as client,
    ):
        await client.stream("acme/app").done()
    (span,) = tracer.exported()
    assert fal.requests[0].headers["traceparent"] == traceparent(span)


async def test_an_http_client_that_is_instrumented(fal: LocalFal, tracer: Any) -> None:
    """Its own span stands between the stream's and the server."""
    httpx = pytest.importorskip("httpx")
    fal.add("acme/app", [1])
    async with (
        httpx.AsyncClient() as http_client,
        AsyncStreamingClient(**fal.settings, http_client=http_client) as client,
    ):
        instrumentation.HTTPXClientInstrumentor.instrument_client(
            http_client, tracer_provider=tracer.provider
        )
        await client.stream("acme/app").done()
    spans = {span.instrumentation_scope.name: span for span in tracer.exported()}
    inner, outer = spans["opentelemetry.instrumentation.httpx"], spans["fal_stream"]
    assert inner.parent.span_id == outer.get_span_context().span_id
    assert fal.requests[0].headers["traceparent"] == traceparent(inner)
