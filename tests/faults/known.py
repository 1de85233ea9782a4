"""Marks of tests that a flavour does not pass yet, both flavours side by side.

A test is written with the `async_` names; its generated twin uses the others.
"""

from __future__ import annotations

import pytest

Marks = tuple[pytest.MarkDecorator, ...]


def not_met(reason: str) -> Marks:
    """Mark what neither flavour does yet."""
    return (pytest.mark.xfail(reason=reason, strict=True),)


def async_not_met_when_blocking(reason: str) -> Marks:
    """Mark what the blocking flavour does not do yet: here nothing."""
    return ()


def not_met_when_blocking(reason: str) -> Marks:
    """Mark what the blocking flavour does not do yet."""
    return not_met(reason)
