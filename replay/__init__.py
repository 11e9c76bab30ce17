"""Reading a recording back: the validator."""
