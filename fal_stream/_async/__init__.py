"""Clients, streams and uploads, and the HTTP client below them."""
