"""`fal-stream serve`: run a local fal server with models to try, until Ctrl-C.

The server is `LocalFal`. It has a model for each chunk format, and some that fail on purpose.
"""

from __future__ import annotations

import base64
import sys
from typing import Any

from fal_stream._cli.exit_codes import OK, OutputError
from fal_stream.errors import ConfigError, printable
from fal_stream.testing import (
    Cut,
    Failure,
    Hang,
    LocalFal,
    Pause,
    RecordedRequest,
    Reply,
    audio,
    chat_completion,
    image_frames,
    image_progress,
    partial_images,
    speech,
    tokens,
    with_logs,
    workflow,
)
from fal_stream.testing.demo import IMAGE_MODEL, LANGUAGE_MODEL, TEXT

_LONGEST_PROMPT = 1000
_USAGE = {"prompt_tokens": 8, "completion_tokens": 16, "total_tokens": 24, "cost": 0.0}
_CHAT = "demo/chat"
_PROGRESS = "demo/image-progress"
_PARTIAL = "demo/partial-images"
_SPEECH = "demo/speech"
_SPEECH_CHUNKS = "demo/speech-chunks"
_WORKFLOW = "workflows/demo/sticker"
_LOGS = "demo/logs"
_VISION = "demo/vision"
_REALTIME_SPEECH = "acme/realtime-speech"
_REFUSAL = "demo/refusal"
_WRONG_KEY = "demo/wrong-key"
_BUSY = "demo/busy"
_SILENCE = "demo/silence"
_BREAK = "demo/break"


def serve(port: int) -> int:
    """Run the server until Ctrl-C.

    Args:
        port: The port to listen on; 0 for a free one.

    Raises:
        ConfigError: The number is not a port.
        OutputError: The server can't listen on the port.
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    if port > 65535:
        raise ConfigError(f"--port {port} is no port: give one up to 65535, or 0 for a free one")
    fal = LocalFal(key=None, port=port)
    _add_apps(fal)
    try:
        fal.start()
    except OSError as error:
        reason = error.strerror or type(error).__name__
    else:
        try:
            _write(_about(fal.url))
            _show_requests(fal)
        finally:
            # `stop` would raise exceptions of scripts, which are no failure of this program.
            fal.errors.clear()
            fal.stop()
        return OK
    raise OutputError(f"The port {port} can't be listened on ({reason}): give another --port")


def _about(url: str) -> str:
    return f"""\
A fal server listens on {url}. In another terminal, activate the virtual
environment there too (. .venv/bin/activate), set these variables, and try the commands:

  export FAL_RUN_HOST={url} FAL_REST_HOST={url} FAL_KEY=any

  fal-stream run {LANGUAGE_MODEL} prompt='What is streaming?' --text
  fal-stream run {LANGUAGE_MODEL} prompt=Hi          # a line of JSON for each chunk
  fal-stream run {LANGUAGE_MODEL} prompt=Hi --last | jq .usage
  fal-stream run {IMAGE_MODEL} prompt='a sun over waves' --output pictures
  fal-stream run {_PROGRESS}              # progress, then the image
  fal-stream run {_PARTIAL}               # partial images in base64
  fal-stream run {_SPEECH} --output sounds
  fal-stream run {_SPEECH_CHUNKS}         # audio in base64
  fal-stream run {_CHAT} prompt=Hi --text # deltas, as in OpenAI's protocol
  fal-stream run {_WORKFLOW}              # the events of each node, then the output
  fal-stream run {_LOGS}                  # queue position and logs
  fal-stream run {_VISION} image_url@picture.png
  fal-stream run {_REFUSAL}               # refuses its input: exit code 3
  fal-stream run {_WRONG_KEY}             # answers as to a wrong key: exit code 3
  fal-stream run {_BUSY} --retries 0      # answers as to too many requests: exit code 3
  fal-stream run {_SILENCE} --timeout 2   # stops sending: exit code 5
  fal-stream run {_BREAK}                 # the connection breaks: exit code 6

The same models also answer for the endpoint ids that the documentation uses: fal-ai/any-llm,
fal-ai/flux/dev, openrouter/router (also with --path /openai/v1/chat/completions),
openai/gpt-image-1, acme/speech, acme/realtime-speech and workflows/acme/sticker.

Ctrl-C ends it. Requests that it gets:
"""


def _show_requests(fal: LocalFal) -> None:
    shown = 0
    while True:
        try:
            requests = fal.wait_for_requests(shown + 1, timeout=1.0)
        except TimeoutError:
            continue
        for request in requests[shown:]:
            # Without the query, which may contain a token.
            _write(f"  {printable(request.method)} {printable(request.path)}\n")
        shown = len(requests)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _add_apps(fal: LocalFal) -> None:
    # Also under the endpoint ids of fal's models, so that the documentation's examples work.
    for endpoint_id in (LANGUAGE_MODEL, "fal-ai/any-llm", "openrouter/router"):
        fal.add(endpoint_id, lambda request: tokens(_answer(request), pause=0.1, usage=_USAGE))
    fal.add(_CHAT, _chat)
    fal.add("openrouter/router", _chat, path="/openai/v1/chat/completions")
    for endpoint_id in (IMAGE_MODEL, "fal-ai/flux/dev"):
        fal.add(endpoint_id, image_frames(6, size=256, pause=0.3))
    fal.add(_PROGRESS, image_progress(6, size=256, pause=0.3))
    for endpoint_id in (_PARTIAL, "openai/gpt-image-1"):
        fal.add(endpoint_id, partial_images(3, size=256, pause=0.5))
    for endpoint_id in (_SPEECH, "acme/speech"):
        fal.add(endpoint_id, Reply(audio(2.0, pause=0.1), content_type="audio/wav"))
    fal.add(_SPEECH_CHUNKS, speech(2.0, pause=0.1))
    pieces = (base64.b64encode(piece).decode() for piece in audio(2.0, pause=0.0))
    fal.add(_REALTIME_SPEECH, [{"audio": piece} for piece in pieces])
    for endpoint_id in (_WORKFLOW, "workflows/acme/sticker"):
        fal.add(endpoint_id, workflow(image_progress(1, size=256)[-1], pause=0.5))
    fal.add(_LOGS, with_logs([{"output": "That was all"}], pause=0.5))
    fal.add(_VISION, lambda request: [{"output": _look(fal, request)}])
    refusal = [{"loc": ["body", "prompt"], "msg": "Field required", "type": "missing"}]
    fal.add(_REFUSAL, Failure(422, refusal))
    fal.add(_WRONG_KEY, Failure(401, "Invalid Key"))
    fal.add(_BUSY, Failure(429, "Too many requests"))
    fal.add(_SILENCE, [{"output": "Listen:"}, Hang()])
    fal.add(_BREAK, [{"output": "One moment"}, Pause(0.5), Cut()])


def _chat(request: RecordedRequest) -> list[Any]:
    return chat_completion(_answer(request), pause=0.1)


def _given(request: RecordedRequest, name: str) -> Any:
    try:
        value = request.json()
    except (ValueError, RecursionError):
        return None
    return value.get(name) if isinstance(value, dict) else None


def _answer(request: RecordedRequest) -> str:
    prompt = _given(request, "prompt")
    messages = _given(request, "messages")
    if isinstance(messages, list) and messages and isinstance(messages[-1], dict):
        prompt = messages[-1].get("content")
    if not isinstance(prompt, str) or not prompt.strip():
        return TEXT
    text = prompt[:_LONGEST_PROMPT].encode("utf-8", "replace").decode()
    return f"You said: {text} -- {TEXT}"


def _look(fal: LocalFal, request: RecordedRequest) -> str:
    try:
        picture = fal.upload(str(_given(request, "image_url")))
    except ConfigError:
        return "I see nothing: give image_url@file"
    return f"I see {len(picture.content):,} bytes of {picture.content_type}"
