"""The names are loaded when they are asked for, and a wrong one is an error all the same.

Each `ignore` here has to be of use: the type checkers say so of one that is not.
"""

from __future__ import annotations

from typing_extensions import assert_type

import fal_stream
import fal_stream.testing
from fal_stream import Streamclient  # type: ignore[attr-defined]  # ty: ignore[missing-module-member]
from fal_stream.testing import LocalFall  # type: ignore[attr-defined]  # ty: ignore[missing-module-member]

fal_stream.AsyncStreamClient  # type: ignore[attr-defined]  # ty: ignore[missing-attribute]
fal_stream.testing.replays  # type: ignore[attr-defined]  # ty: ignore[missing-attribute]
fal_stream.errors.StreamTimeOut  # type: ignore[attr-defined]  # ty: ignore[missing-attribute]
fal_stream.AsyncStreamingClient.steam  # type: ignore[attr-defined]  # ty: ignore[missing-attribute]


def modules(error: fal_stream.errors.StreamTimeout, config: fal_stream.config.Config) -> None:
    assert_type(error, fal_stream.StreamTimeout)
    assert_type(config, fal_stream.Config)
