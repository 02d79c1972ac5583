"""The command line: ``cuds``."""

import sys


def main() -> None:
    """Run the command line; an error of cuds is its message on standard error and exit code 1."""
    if sys.argv[1:] == ["--version"]:  # answered without loading anything
        from cuds import __version__

        print(f"cuds {__version__}")
        return
    from cuds.cli.app import run

    run()
