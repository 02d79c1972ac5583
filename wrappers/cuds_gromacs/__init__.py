"""GROMACS for cuds: its programs as an engine, and its files."""

from cuds_gromacs.wrapper import GromacsWrapper

__all__ = ["GromacsWrapper"]
