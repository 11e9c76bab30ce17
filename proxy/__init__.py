"""In front of the backend: opening handshake, raw tunnel, tap."""
