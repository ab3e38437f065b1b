"""Starts the command line with ``python -m bnnhw``."""

from bnnhw.cli import main

if __name__ == "__main__":
    main()
