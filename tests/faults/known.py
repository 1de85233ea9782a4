"""Marks of tests that are not passed yet."""

from __future__ import annotations

import pytest

Marks = tuple[pytest.MarkDecorator, ...]


def not_met(reason: str) -> Marks:
    """Mark what no flavour does yet."""
    return (pytest.mark.xfail(reason=reason, strict=True),)
