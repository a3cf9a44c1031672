"""TLS: the layer between a socket and a protocol, and the contexts that it works with."""
