"""Tests against a real `fal.App`; `nox -s real` installs what they need."""
