"""When a request is sent again: the rules, with time and chance handed in."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal_stream import ConfigError, RetryPolicy
from fal_stream.retry import parse_retry_after

NOW = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT


def delay(
    policy: RetryPolicy, status: int, headers: dict[str, str] | None = None, retry: int = 0
) -> float | None:
    return policy.delay_after_answer(retry, status, headers or {}, now=NOW, chance=0.5)


def test_the_fields_of_the_original() -> None:
    policy = RetryPolicy()
    assert (policy.max_retries, policy.base_delay, policy.max_delay) == (3, 1.0, 30.0)
    assert (policy.backoff_multiplier, policy.enable_jitter) == (2.0, True)
    assert policy.retryable_status_codes == {429, 503}


def test_each_delay_is_longer_up_to_the_cap() -> None:
    policy = RetryPolicy(base_delay=1, backoff_multiplier=3, max_delay=20, enable_jitter=False)
    assert [policy.backoff(retry, 0.9) for retry in range(5)] == [1, 3, 9, 20, 20]
    assert policy.backoff(100_000, 0) == 20


@given(retry=st.integers(0, 10_000), chance=st.floats(0, 1))
def test_jitter_is_a_quarter_and_never_passes_the_cap(retry: int, chance: float) -> None:
    plain = RetryPolicy(enable_jitter=False).backoff(retry, chance)
    shaken = RetryPolicy().backoff(retry, chance)
    assert 0.75 * plain <= shaken <= min(1.25 * plain, 30.0)


def test_chance_spreads_the_delays() -> None:
    assert [RetryPolicy().backoff(0, chance) for chance in (0, 0.5, 1)] == [0.75, 1.0, 1.25]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 422, 499, 500, 502, 504])
def test_what_may_have_run_is_not_tried_again(status: int) -> None:
    assert delay(RetryPolicy(), status) is None
    assert delay(RetryPolicy(retryable_status_codes=[status]), status) == 1.0


@pytest.mark.parametrize("status", [429, 503])
def test_what_was_turned_away_is_tried_again(status: int) -> None:
    assert delay(RetryPolicy(), status) == 1.0
    assert delay(RetryPolicy(), status, retry=2) == 4.0
    assert delay(RetryPolicy(), status, retry=3) is None
    assert delay(RetryPolicy(max_retries=0), status) is None
    assert delay(RetryPolicy(retryable_status_codes=()), status) is None


@pytest.mark.parametrize("value", ["false", "False", " FALSE ", "0"])
def test_the_server_can_say_no(value: str) -> None:
    policy = RetryPolicy(retryable_status_codes=[429, 503, 500])
    for status in (429, 503, 500):
        assert delay(policy, status, {"x-fal-retryable": value}) is None


def test_the_server_can_not_say_yes_to_more() -> None:
    assert delay(RetryPolicy(), 500, {"x-fal-retryable": "true"}) is None
    assert delay(RetryPolicy(), 503, {"x-fal-retryable": "true"}) == 1.0


def test_a_limit_of_the_callers_own_is_final() -> None:
    policy = RetryPolicy(retryable_status_codes=[504])
    assert delay(policy, 504, {"x-fal-request-timeout-type": "user"}) is None
    assert delay(policy, 504, {"x-fal-request-timeout-type": "infrastructure"}) == 1.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("Fri, 15 Jan 2027 08:00:12 GMT", 12.0),
        ("Friday, 15-Jan-27 08:00:12 GMT", 12.0),
        ("Fri Jan 15 08:00:12 2027", 12.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("Fri, 99 Jan 2027 08:00:00 GMT", None),
        ("٣", None),
        ("9" * 15, 999_999_999_999_999.0),
        ("9" * 5000, math.inf),
    ],
)
def test_retry_after_in_both_forms(value: str, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


@given(st.text(max_size=40))
def test_any_retry_after_is_read_without_an_error(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7.0), ("0", 0.0), ("3600", 30.0), ("9" * 5000, 30.0), ("x", 1.0)]
)
def test_retry_after_is_obeyed_up_to_the_cap(value: str, seconds: float) -> None:
    assert delay(RetryPolicy(), 429, {"retry-after": value}) == seconds


def test_a_connection_that_sent_nothing_is_tried_again() -> None:
    policy = RetryPolicy()
    assert policy.delay_after_failure(0, sent=False, chance=0.5) == 1.0
    assert policy.delay_after_failure(2, sent=False, chance=0.5) == 4.0
    assert policy.delay_after_failure(3, sent=False, chance=0.5) is None
    assert policy.delay_after_failure(0, sent=True, chance=0.5) is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"max_retries": -1}, "max_retries=-1 must be a whole number, 0 or more"),
        ({"max_retries": True}, "max_retries=True"),
        ({"max_retries": 1.5}, "max_retries=1.5"),
        ({"base_delay": -0.1}, "base_delay=-0.1 must be a number, 0 or more"),
        ({"base_delay": float("nan")}, "base_delay=nan"),
        ({"max_delay": "30"}, "max_delay='30'"),
        ({"max_delay": float("inf")}, "max_delay=inf"),
        ({"backoff_multiplier": 0.5}, "backoff_multiplier=0.5 must be a number, 1 or more"),
        ({"retryable_status_codes": 503}, "retryable_status_codes=503 must be a list"),
        ({"retryable_status_codes": "503"}, "retryable_status_codes='503'"),
        ({"retryable_status_codes": [200]}, r"retryable_status_codes=\[200\]"),
        ({"enable_jitter": 1}, "enable_jitter=1 must be True or False"),
    ],
)
def test_bad_fields(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RetryPolicy(**fields)
