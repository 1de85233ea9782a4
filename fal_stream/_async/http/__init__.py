"""One HTTP/1.1 client, as a transport of httpx: pool, connections, proxies, responses."""
