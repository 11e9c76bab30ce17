"""`python -m wsrec` is the command `wsrec`."""

from .cli import main

main()
