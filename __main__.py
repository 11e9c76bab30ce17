"""`python -m wsrec` is the command `wsrec`."""

from .cli import main

if __name__ == "__main__":  # not in a worker process, which loads this module again
    main()
