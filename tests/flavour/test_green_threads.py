"""Programs whose threads and sockets gevent or eventlet has taken over, before or after us."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import textwrap

import pytest

from fal_stream.testing import Hang, LocalFal, Pause, Reply
from tests.programs import ROOT

PATCH = {
    "gevent": "from gevent import monkey; monkey.patch_all()",
    "gevent, late": "from gevent import monkey; monkey.patch_all()",
    # trio, which the tests have installed, can't be imported under eventlet.
    "eventlet": "import sys; sys.modules['trio'] = None; import eventlet; eventlet.monkey_patch()",
}

PROGRAM = """
    import collections, socket, sys, threading, time
    from fal_stream import StreamInterrupted, StreamTimeout, StreamingClient
    {late}

    look_up = socket.getaddrinfo
    asked = []

    def getaddrinfo(host, *args, **options):
        if not str(host).endswith(".example"):
            return look_up(host, *args, **options)
        asked.append(host)
        time.sleep(0.1)
        return look_up("127.0.0.1", *args, **options)

    socket.getaddrinfo = getaddrinfo
    url = sys.argv[1]
    settings = {{"run_url": url, "credentials": "local-id:local-secret", "retry": None}}

    def together(function, inputs):
        threads = [threading.Thread(target=function, args=[input]) for input in inputs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    # Names that are looked up; nothing of the key goes there.
    results = []

    def stream_from(number):
        host = f"http://{{number % 20}}.example:{{sys.argv[2].rpartition(':')[2]}}"
        with StreamingClient(run_url=host, start_timeout=20, retry=None) as client:
            results.append(client.stream("acme/open").done())

    together(stream_from, range(60))
    assert results == [2] * 60, collections.Counter(map(str, results))
    assert 20 <= len(asked) <= 60, asked

    with StreamingClient(**settings) as client:
        # An abort, from elsewhere and from the loop's body.
        def abort(app):
            stream = client.stream(app)
            threading.Timer(0.3, stream.abort).start()
            assert list(stream) == ([1] if app == "acme/hanging" else [])

        together(abort, ["acme/hanging", "acme/silent"] * 5)
        for leave in ("abort", "close", "break"):
            for chunk in (stream := client.stream("acme/hanging")):
                if leave == "break":
                    break
                getattr(stream, leave)()
        # A limit.
        try:
            client.stream("acme/hanging", timeout=0.3).done()
        except StreamTimeout:
            pass
        else:
            raise SystemExit("no limit ran out")
        # The connection of a stream that has ended is used again.
        assert [client.stream("acme/app").done() for _ in range(3)] == [2] * 3

    # A client that is closed while its streams run.
    client = StreamingClient(**settings)
    errors = []

    def until_closed(_):
        try:
            client.stream("acme/hanging").done()
        except StreamInterrupted as error:
            errors.append(error)

    timer = threading.Timer(0.5, client.close)
    timer.start()
    together(until_closed, range(5))
    timer.join()
    assert len(errors) == 5, errors
    print("done")
"""


@pytest.mark.parametrize("patched", PATCH)
def test_streams(patched: str) -> None:
    if importlib.util.find_spec(patched.partition(",")[0]) is None:
        pytest.skip(f"{patched} is not installed")
    is_late = patched.endswith("late")
    program = textwrap.dedent(PROGRAM).format(late=PATCH[patched] if is_late else "")
    if not is_late:
        program = f"{PATCH[patched]}\n{program}"
    with LocalFal() as fal, LocalFal(key=None) as open_fal:
        fal.add("acme/app", [1, Pause(0.05), 2])
        open_fal.add("acme/open", [1, Pause(0.05), 2])
        fal.add("acme/hanging", [1, Hang()])
        fal.add("acme/silent", Reply(delay=float("inf")))
        arguments = [sys.executable, "-c", program, fal.url, open_fal.url]
        done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
