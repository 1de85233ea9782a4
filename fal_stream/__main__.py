"""The entry point of the command line: `python -m fal_stream` and the script `fal-stream`."""

from __future__ import annotations

import sys

from fal_stream._cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
