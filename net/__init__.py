"""What connections are made of: addresses, TLS, HTTP heads, the opening handshake on both sides."""
