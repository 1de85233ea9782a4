"""What a stream takes and gives beside its chunks.

Each `ignore` has to be of use, as in `names`. ty 0.0.107 takes a setting that is misspelt: to it,
the typed dict of `**unknown` may have fields.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from typing_extensions import assert_type

from fal_stream import (
    NOT_GIVEN,
    AsyncFalStream,
    AsyncStorageClient,
    AsyncStreamingClient,
    Config,
    FalStream,
    ServerSentEvent,
    StorageClient,
    StreamingClient,
    StreamOptions,
)


def options(client: StreamingClient, aclient: AsyncStreamingClient) -> None:
    some: StreamOptions = {"input": {"prompt": "a fox"}, "timeout": None, "priority": "low"}
    assert_type(client.stream("a/b", **some), FalStream[Any])
    assert_type(aclient.stream("a/b", **some, output_type=int), AsyncFalStream[int])
    assert_type(client.stream("a/b", {"prompt": "a fox"}, timeout=NOT_GIVEN), FalStream[Any])
    client.stream("a/b", timout=3)  # type: ignore[call-overload]  # ty: ignore[no-matching-overload]
    client.stream("a/b", timeout="3")  # type: ignore[call-overload]  # ty: ignore[invalid-argument-type]
    client.stream("a/b", priority="high")  # type: ignore[call-overload]  # ty: ignore[invalid-argument-type]


def settings(config: Config) -> None:
    assert_type(StreamingClient(config, timeout=3, retry=3), StreamingClient)
    StreamingClient(timout=3)  # type: ignore[call-arg]


def flavours(client: StreamingClient, aclient: AsyncStreamingClient) -> None:
    assert_type(client.storage, StorageClient)
    assert_type(aclient.storage, AsyncStorageClient)
    assert_type(client.storage.upload(b"a fox"), str)
    assert_type(client.stream("a/b").events(), Iterator[ServerSentEvent])
    assert_type(aclient.stream("a/b").events(), AsyncIterator[ServerSentEvent])
    assert_type(client.stream("a/b", output_type=int).on("data", print), FalStream[int])
    client.stream("a/b").on("dat", print)  # type: ignore[arg-type]  # ty: ignore[invalid-argument-type]
    client.stream("a/b").aclose()  # type: ignore[attr-defined]  # ty: ignore[missing-attribute]
