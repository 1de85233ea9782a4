from __future__ import annotations

import subprocess
import sys

from tests.docs.named_tests import ROOT

PROGRAM = """
import sys
from fal_stream import StreamingClient
from fal_stream.testing import LocalFal

with LocalFal() as fal, StreamingClient(**fal.settings) as client:
    fal.add("acme/app", [1])
    client.stream("acme/app").done()
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""


def test_opentelemetry_is_not_imported() -> None:
    said = subprocess.check_output([sys.executable, "-c", PROGRAM], cwd=ROOT, text=True)
    assert said == "[]\n"
