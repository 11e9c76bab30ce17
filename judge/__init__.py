"""Recordings looked at: listed, shown, followed, verified, and judged by their contracts."""
