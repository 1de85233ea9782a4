"""Row 39: the search through what the tests show finds what is planted, each kind of it."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import fal_stream
from tests import secrets_plugin

ROOT = Path(fal_stream.__file__).parents[1]

BEGIN = """
import base64, logging, os, pickle, subprocess, sys, urllib.parse, urllib.request, warnings
import pytest
from fal_stream import ApiError, ConfigError, Secret, StreamDecodeError, StreamingClient
from fal_stream.testing import Failure, LocalFal

KEY = "planted-id:planted~secret+of.the-key"
HALF = KEY.partition(":")[2]

@pytest.fixture(autouse=True)
def used():
    return Secret(KEY)

def test_nothing(capfd):
    print("a key is used")
    logging.getLogger("planted").debug("a key is used")
    assert capfd.readouterr().out

@pytest.mark.shows_secrets
def test_on_purpose():
    print(KEY)
"""

# By the names of the tests, what each does with the key that it uses, and where that is found.
PLANTS = {
    "printed": ("print(KEY)", "Captured stdout"),
    "printed_as_an_error": ("print('asked by', HALF, file=sys.stderr)", "Captured stderr"),
    "read_back": ("print(KEY)\n    assert capfd.readouterr().out", "printed"),
    "percent_encoded": ("print(urllib.parse.quote(KEY, safe=''))", "Captured stdout"),
    "in_base64": ("print(base64.b64encode(b'Key ' + KEY.encode()).decode())", "Captured stdout"),
    "logged": ("logging.getLogger('planted').debug('by %s', {'a': KEY})", "log of planted"),
    "logged_with_an_error": (
        (
            "try:\n        raise KeyError(KEY)\n"
            "    except KeyError:\n        logging.getLogger('planted').exception('it failed')"
        ),
        "log of planted",
    ),
    "warned": (
        "with pytest.warns(UserWarning):\n        warnings.warn(f'by {KEY}')",
        "UserWarning",
    ),
    "raised": ("ConfigError(f'a bad key: {KEY}')", "message of a ConfigError"),
    "raised_with_a_body": (
        "ApiError('no', status=500, body={'detail': [KEY]})",
        "body of a ApiError",
    ),
    "raised_with_a_text": ("StreamDecodeError('no', raw=HALF, index=0)", "raw of a StreamDecode"),
    "set_on_an_error": ("ConfigError('no').request_id = KEY", "request_id of a ConfigError"),
    "pickled": ("pickle.dumps({'key': KEY})", "a pickle"),
    "printed_by_a_program": (
        "subprocess.run([sys.executable, '-c', f'print({KEY!r})'], capture_output=True)",
        "printed by a program",
    ),
    # Keys and tokens that no Secret holds.
    "a_key_of_a_server": (
        "LocalFal(key='another-id:another-secret')\n    print('another-secret')",
        "Captured stdout",
    ),
    "a_key_that_was_sent": (
        (
            "with LocalFal(key=None) as fal:\n"
            "        request = urllib.request.Request(fal.url + '/x?token=a-token-that-is-sent')\n"
            "        request.add_header('authorization', 'Key sent-id:sent-secret-of-it')\n"
            "        with pytest.raises(OSError):\n            urllib.request.urlopen(request)\n"
            "    print('sent-secret-of-it', 'a-token-that-is-sent')"
        ),
        "Captured stdout",
    ),
    "a_token_of_a_server": (
        (
            "with LocalFal() as fal, StreamingClient(**fal.settings) as client:\n"
            "        fal.add('acme/app', [1])\n"
            "        client.stream('acme/app', connection_mode='client').done()\n"
            "        print(fal.requests[-1].query['fal_jwt_token'])"
        ),
        "Captured stdout",
    ),
    "a_signature_of_a_server": (
        (
            "with LocalFal() as fal, StreamingClient(**fal.settings) as client:\n"
            "        client.storage.upload(b'x')\n"
            "        print(fal.requests[-1].query['signature'])"
        ),
        "Captured stdout",
    ),
}


@cache
def outcomes(folder: Path, workers: int) -> dict[str, str]:
    """Run the planted tests; give what became of each."""
    file = folder / "test_planted.py"
    bodies = [f"def test_{name}(capfd):\n    {body}\n" for name, (body, _) in PLANTS.items()]
    file.write_text("\n".join([BEGIN, *bodies]), encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "tests.secrets_plugin",
            "-rA",
            "--tb=line",
            "--show-capture=no",
            "-p",
            "no:cacheprovider",
            "-n",
            str(workers),
            str(file),
        ],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "COLUMNS": "500"},
        capture_output=True,
        text=True,
        timeout=50,
    )
    lines = re.findall(r"^(\w+) \S*::test_(\w+)", done.stdout, re.MULTILINE)
    reason = r"^_+ ERROR at teardown of test_(\w+) _+\n(?:\[gw.*\n)?(.*)$"
    # What fails at its end has passed before.
    passed = {name: word for word, name in lines if word != "ERROR"}
    return passed | dict(re.findall(reason, done.stdout, re.MULTILINE))


@pytest.fixture(scope="module", params=[0, 2], ids=["alone", "xdist"])
def planted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    return outcomes(tmp_path_factory.mktemp("planted"), request.param)


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_secret_fails_the_test(planted: dict[str, str], name: str) -> None:
    assert planted[name].startswith("The test showed a secret: ")
    assert PLANTS[name][1] in planted[name]


@pytest.mark.parametrize("name", ["nothing", "on_purpose"])
def test_a_test_that_shows_none_passes(planted: dict[str, str], name: str) -> None:
    assert planted[name] == "PASSED"
    assert len(planted) == len(PLANTS) + 2


def test_this_suite_is_searched(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.pluginmanager.is_registered(secrets_plugin)
