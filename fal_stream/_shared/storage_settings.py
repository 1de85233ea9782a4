"""Storage settings of an uploaded file: how long it is kept, and who may read it.

Promises: the settings are checked, and sent as fal's JavaScript client sends them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from typing_extensions import TypedDict

from .. import _checks
from .._checks import short_repr
from ..errors import ConfigError

HEADER = "x-fal-object-lifecycle"

Expiry: TypeAlias = Literal["never", "immediate", "1h", "1d", "7d", "30d", "1y"]
AclDecision: TypeAlias = Literal["hide", "forbid", "allow"]

_EXPIRIES: Mapping[str, int | None] = {
    "never": None,
    # As soon as possible; the storage treats 0 as "never".
    "immediate": 60,
    "1h": 3_600,
    "1d": 86_400,
    "7d": 604_800,
    "30d": 2_592_000,
    "1y": 31_536_000,
}
_DECISIONS = ("hide", "forbid", "allow")
_OTHER_NAMES = {
    "expiresIn": "expires_in",
    "expiration_duration_seconds": "expires_in",
    "initialAcl": "initial_acl",
    "acl": "initial_acl",
}


class AclRule(TypedDict):
    """What one user may do with a stored file.

    Attributes:
        user: The user.
        decision: `hide`, `forbid` or `allow`.
    """

    user: str
    decision: AclDecision


class StorageAcl(TypedDict, total=False):
    """Who may read a stored file.

    Attributes:
        default: The decision for users without a rule. Default: fal's own.
        rules: The rules for single users. Default: none.
    """

    default: AclDecision
    rules: list[AclRule]


class StorageSettings(TypedDict, total=False):
    """Storage settings of an uploaded file: how long it is kept, and who may read it.

    Attributes:
        expires_in: Seconds above 0, or `immediate` (a minute), `1h`, `1d`, `7d`, `30d`, `1y` or
            `never`. Default: fal's own.
        initial_acl: Who may read it. Default: fal's own.
    """

    expires_in: Expiry | int
    initial_acl: StorageAcl


def lifecycle_header(lifecycle: StorageSettings | Mapping[str, Any] | None) -> str | None:
    """Check the settings of a stored file, and return the value of the header for them.

    Args:
        lifecycle: The settings, or None for none.

    Returns:
        JSON in ASCII, or None if nothing has to be sent, as for `never` alone.

    Raises:
        ConfigError: A setting is unknown or has a value that can't be used.
    """
    if lifecycle is None:
        return None
    given = _settings("lifecycle", lifecycle, StorageSettings, _OTHER_NAMES)
    settings: dict[str, Any] = {}
    if "expires_in" in given:
        seconds = _seconds(given["expires_in"])
        if seconds is not None:
            settings["expiration_duration_seconds"] = seconds
    if "initial_acl" in given:
        settings["initial_acl"] = _acl("lifecycle['initial_acl']", given["initial_acl"])
    return json.dumps(settings, separators=(",", ":")) if settings else None


def _settings(
    name: str, value: object, kind: Any, other_names: Mapping[str, str] | None = None
) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{name}={short_repr(value)} must be a mapping of settings")
    _checks.check_known(f"setting in {name}:", value, kind.__annotations__, other_names)
    return value


def _seconds(value: object) -> int | None:
    if isinstance(value, str) and value in _EXPIRIES:
        return _EXPIRIES[value]
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise ConfigError(
        f"lifecycle['expires_in']={short_repr(value)} is not known: give whole seconds above 0, or "
        f"one of {', '.join(_EXPIRIES)}"
    )


def _acl(name: str, value: object) -> dict[str, Any]:
    given = _settings(name, value, StorageAcl)
    acl: dict[str, Any] = {}
    if "default" in given:
        acl["default"] = _decision(f"{name}['default']", given["default"])
    if "rules" in given:
        rules = given["rules"]
        if not isinstance(rules, (list, tuple)):
            raise ConfigError(f"{name}['rules']={short_repr(rules)} must be a list of rules")
        acl["rules"] = [
            _rule(f"{name}['rules'][{index}]", rule) for index, rule in enumerate(rules)
        ]
    return acl


def _rule(name: str, value: object) -> dict[str, str]:
    given = _settings(name, value, AclRule)
    user = given.get("user")
    if not isinstance(user, str) or not user:
        raise ConfigError(f"{name}['user']={short_repr(user)} must name a user")
    return {"user": user, "decision": _decision(f"{name}['decision']", given.get("decision"))}


def _decision(name: str, value: object) -> str:
    if isinstance(value, str) and value in _DECISIONS:
        return value
    raise ConfigError(
        f"{name}={short_repr(value)} is not known; there are: {', '.join(_DECISIONS)}"
    )
