"""Structures of GROMACS: ``.gro`` files with any number of decimals, and ``.g96`` files."""

from cuds_gromacs.codecs.frame import Structure
from cuds_gromacs.codecs.structure_g96 import read_g96
from cuds_gromacs.codecs.structure_gro import read_gro, write_gro

__all__ = ["Structure", "read_g96", "read_gro", "write_gro"]
