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
from collections.abc import Iterator

import fal
import uvicorn
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field


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


class Demo(fal.App):
    machine_type = "XS"

    @fal.endpoint("/stream")
    def stream(self, request: Input) -> StreamingResponse:
        return StreamingResponse(progress(request), media_type="text/event-stream")

    @fal.endpoint("/dying/stream")
    def dying_stream(self, request: Input) -> StreamingResponse:
        return StreamingResponse(dying(request), media_type="text/event-stream")


def main() -> None:
    # `_build_app` is private; the version of fal is pinned for its sake.
    app = Demo(_allow_init=True)._build_app()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        server.run(sockets=[listener])


if __name__ == "__main__":
    main()
