"""`python -m wsrec` is the command `wsrec`."""

if __name__ == "__main__":  # not in a worker process, which loads this module again
    from .cli import main

    main()
