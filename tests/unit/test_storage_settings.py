"""How long an uploaded file is kept, and who may read it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from fal_stream import ConfigError
from fal_stream._checks import check_header_value
from fal_stream._shared.storage_settings import StorageSettings, lifecycle_header


@pytest.mark.parametrize(
    ("settings", "header"),
    [
        (None, None),
        ({}, None),
        ({"expires_in": "never"}, None),
        ({"expires_in": "immediate"}, '{"expiration_duration_seconds":60}'),
        ({"expires_in": "1h"}, '{"expiration_duration_seconds":3600}'),
        ({"expires_in": "1d"}, '{"expiration_duration_seconds":86400}'),
        ({"expires_in": "7d"}, '{"expiration_duration_seconds":604800}'),
        ({"expires_in": "30d"}, '{"expiration_duration_seconds":2592000}'),
        ({"expires_in": "1y"}, '{"expiration_duration_seconds":31536000}'),
        ({"expires_in": 90}, '{"expiration_duration_seconds":90}'),
        ({"initial_acl": {}}, '{"initial_acl":{}}'),
        (
            {"initial_acl": {"default": "hide"}, "expires_in": "never"},
            '{"initial_acl":{"default":"hide"}}',
        ),
        (
            {
                "expires_in": 1,
                "initial_acl": {
                    "default": "forbid",
                    "rules": [
                        {"user": "acme", "decision": "allow"},
                        {"user": "x", "decision": "hide"},
                    ],
                },
            },
            (
                '{"expiration_duration_seconds":1,"initial_acl":{"default":"forbid","rules":'
                '[{"user":"acme","decision":"allow"},{"user":"x","decision":"hide"}]}}'
            ),
        ),
    ],
)
def test_the_header(settings: StorageSettings | None, header: str | None) -> None:
    # As buildObjectLifecycleHeaders of @fal-ai/client 1.10.1 writes them.
    assert lifecycle_header(settings) == header


def test_any_user_fits_into_a_header() -> None:
    header = lifecycle_header({"initial_acl": {"rules": [{"user": "ü\r\n", "decision": "allow"}]}})
    assert header is not None
    assert check_header_value("lifecycle", header) == header
    assert json.loads(header)["initial_acl"]["rules"][0]["user"] == "ü\r\n"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("1d", "lifecycle='1d' must be a mapping of settings"),
        ({"expiresIn": "1d"}, "setting in lifecycle: 'expiresIn'; did you mean 'expires_in'?"),
        ({"initialAcl": {}}, "setting in lifecycle: 'initialAcl'; did you mean 'initial_acl'?"),
        ({"colour": 1}, "setting in lifecycle: 'colour'; there are: expires_in, initial_acl"),
        ({"expires_in": "2d"}, "lifecycle['expires_in']='2d' is not known: give whole seconds ab"),
        ({"expires_in": 0}, "lifecycle['expires_in']=0 is not known"),
        ({"expires_in": True}, "lifecycle['expires_in']=True is not known"),
        ({"expires_in": 1.5}, "lifecycle['expires_in']=1.5 is not known"),
        ({"expires_in": None}, "lifecycle['expires_in']=None is not known"),
        ({"expires_in": ["1d"]}, "lifecycle['expires_in']=['1d'] is not known"),
        ({"initial_acl": "allow"}, "lifecycle['initial_acl']='allow' must be a mapping"),
        (
            {"initial_acl": {"rule": []}},
            "in lifecycle['initial_acl']: 'rule'; did you mean 'rules'",
        ),
        ({"initial_acl": {"default": "deny"}}, "['default']='deny' is not known; there are: hide,"),
        ({"initial_acl": {"rules": {}}}, "lifecycle['initial_acl']['rules']={} must be a list"),
        ({"initial_acl": {"rules": [1]}}, "lifecycle['initial_acl']['rules'][0]=1 must be a mapp"),
        (
            {"initial_acl": {"rules": [{"user": "a", "decision": "allow"}, {"decision": "hide"}]}},
            "lifecycle['initial_acl']['rules'][1]['user']=None must name a user",
        ),
        (
            {"initial_acl": {"rules": [{"user": 3, "decision": "allow"}]}},
            "lifecycle['initial_acl']['rules'][0]['user']=3 must name a user",
        ),
        (
            {"initial_acl": {"rules": [{"user": "", "decision": "allow"}]}},
            "lifecycle['initial_acl']['rules'][0]['user']='' must name a user",
        ),
        ({"acl": {}}, "setting in lifecycle: 'acl'; did you mean 'initial_acl'?"),
        (
            {"expires_in": "2d"},
            "seconds above 0, or one of never, immediate, 1h, 1d, 7d, 30d, 1y",
        ),
        (
            {"initial_acl": {"rules": [{"user": "a"}]}},
            "lifecycle['initial_acl']['rules'][0]['decision']=None is not known",
        ),
    ],
)
def test_what_is_no_setting(settings: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        lifecycle_header(settings)
