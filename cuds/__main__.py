"""``python -m cuds``."""

from cuds.cli import main

main()
