"""The mutants that no test notices, and why none has to."""

from __future__ import annotations

from dataclasses import dataclass

from tests.mutants.results import Survivor

__all__ = ["GROUPS", "Group"]


@dataclass(frozen=True)
class Group:
    """Survivors for one reason.

    Attributes:
        reason: The reason.
        survivors: The survivors.
    """

    reason: str
    survivors: tuple[Survivor, ...]


GROUPS: tuple[Group, ...] = ()
