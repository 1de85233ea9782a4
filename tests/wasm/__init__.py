"""The tests that need neither sockets nor threads, on the newest Python, in WebAssembly."""
