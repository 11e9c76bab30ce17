"""The contract language: its format, its loader, and the packs that ship with wsrec."""
