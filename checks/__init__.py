"""The engine: events in, findings out; pure and bounded."""
