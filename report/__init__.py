"""Verdicts and findings as text and JSON; recorded text is made inert here."""
