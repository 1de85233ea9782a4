"""The core: clients, streams, responses, connections."""
