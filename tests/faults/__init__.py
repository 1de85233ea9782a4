"""Every kind of fault, on real sockets."""
