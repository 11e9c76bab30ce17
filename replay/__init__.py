"""Recordings played: as their clients, or as their server; and two held against each other."""
