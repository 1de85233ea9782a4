"""A real fal app, served on loopback; run as a script it prints its port and serves until killed.

Promises: what fal's own framework and uvicorn put on the wire, with an input model of its own and
a stream that dies. There is no gateway before it: no key check, no request id, and the routes
stand at the root (`/stream`, not `/owner/alias/stream`).
"""

# pyright: reportMissingImports=false
# (fal is installed by `nox -s real` only)

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import fal
import uvicorn
from fastapi import Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

# uvicorn closes a connection on which an answer has failed, and says so to nobody. A request that
# is on its way by then is lost.
LAST_OF_ITS_CONNECTION = {"connection": "close"}


class Input(BaseModel):
    prompt: str
    steps: int = Field(default=3, ge=1, le=10)


def progress(request: Input) -> Iterator[str]:
    for step in range(1, request.steps + 1):
        chunk = {"prompt": request.prompt, "step": step, "progress": step / request.steps}
        yield f"data: {json.dumps(chunk)}\n\n"


def dying(request: Input) -> Iterator[str]:
    yield from progress(request)
    raise RuntimeError("the model ran out of memory")


def paused_at_the_end(request: Input) -> Iterator[str]:
    yield from progress(request)
    # A server proxy that has not begun its response by the time of the cut answers with a 500.
    time.sleep(0.5)


class Demo(fal.App):
    machine_type = "XS"

    @fal.endpoint("/stream")
    def stream(self, request: Input) -> StreamingResponse:
        return StreamingResponse(progress(request), media_type="text/event-stream")

    @fal.endpoint("/dying/stream")
    def dying_stream(self, request: Input) -> StreamingResponse:
        return StreamingResponse(
            dying(request), media_type="text/event-stream", headers=LAST_OF_ITS_CONNECTION
        )

    @fal.endpoint("/cut/stream")
    def cut_stream(self, request: Input) -> StreamingResponse:
        # More is announced than comes, so uvicorn drops the connection.
        headers = {"content-length": "1000000", **LAST_OF_ITS_CONNECTION}
        return StreamingResponse(
            paused_at_the_end(request), media_type="text/event-stream", headers=headers
        )

    @fal.endpoint("/headers/stream")
    def headers_stream(self, request: Request) -> StreamingResponse:
        event = f"data: {json.dumps(dict(request.headers))}\n\n"
        return StreamingResponse([event], media_type="text/event-stream")


def main() -> None:
    # `_build_app` is private; the version of fal is pinned for its sake.
    app = Demo(_allow_init=True)._build_app()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        server.run(sockets=[listener])


if __name__ == "__main__":
    main()
