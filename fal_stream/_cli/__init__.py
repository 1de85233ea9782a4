"""The command line: `fal-stream`, or `python -m fal_stream`.

Nothing else imports this package.
"""
