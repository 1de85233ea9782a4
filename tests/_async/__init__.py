"""The behaviour of the client over real sockets."""
