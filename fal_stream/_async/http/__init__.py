"""An HTTP/1.1 client as an httpx transport: connection pool, connections, proxies, responses."""
