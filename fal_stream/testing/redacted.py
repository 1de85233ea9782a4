"""The headers and query parameters of a recorded request, with secrets masked in their repr."""

from __future__ import annotations

from fal_stream._shared.redact import MASK
from fal_stream.credentials import is_secret_name

__all__ = ["RedactedFields"]


class RedactedFields(dict[str, str]):
    """A dict whose repr has `***` in the place of keys and tokens.

    The values themselves are not masked, so that a test can compare them. A server that accepts any
    key may get a real one, and the output of a failing test may be in a log that others can read.
    """

    def __repr__(self) -> str:
        return repr({name: MASK if is_secret_name(name) else self[name] for name in self})
