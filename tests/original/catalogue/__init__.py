"""The scenarios, in groups.

What is expected of the original is what version 1.10.1 does, right or wrong. Where fal_stream is
expected to do something else, the scenario says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.original.catalogue.answers import ANSWERS
from tests.original.catalogue.endings import ENDINGS
from tests.original.catalogue.events import EVENTS
from tests.original.catalogue.middleware import MIDDLEWARE, PROXIES
from tests.original.catalogue.reading import READING
from tests.original.catalogue.requests import REQUESTS
from tests.original.catalogue.retries import RETRIES
from tests.original.catalogue.storage import UPLOADS
from tests.original.catalogue.tokens import TOKENS
from tests.original.scenario import Scenario

__all__ = ["GROUPS", "SCENARIOS"]

GROUPS: Mapping[str, Sequence[Scenario]] = {
    "Events": EVENTS,
    "The end of a stream": ENDINGS,
    "Reading, listening, aborting": READING,
    "Answers that are no event stream": ANSWERS,
    "What is sent": REQUESTS,
    "Files": UPLOADS,
    "Tokens": TOKENS,
    "Middleware": MIDDLEWARE,
    "Proxies": PROXIES,
    "Retries": RETRIES,
}
"""The scenarios by the heading that they stand under in the table."""

SCENARIOS: Sequence[Scenario] = [one for group in GROUPS.values() for one in group]
"""All scenarios."""
