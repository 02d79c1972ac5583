"""LAMMPS for cuds."""

from cuds_lammps.wrapper import LammpsWrapper

__all__ = ["LammpsWrapper"]
