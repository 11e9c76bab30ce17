"""wsrec: record WebSocket sessions to SQLite, frame by frame, and judge them against contracts."""

__version__ = "0.1.0"
