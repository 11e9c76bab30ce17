"""A small real agent backend, real clients, the proxy between them, and the verdict."""
