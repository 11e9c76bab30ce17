"""What a recording must not hold: rules, and what is put in the place of secrets."""
