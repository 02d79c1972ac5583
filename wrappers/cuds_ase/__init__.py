"""The calculators of ASE for cuds."""

from cuds_ase.wrapper import AseWrapper

__all__ = ["AseWrapper"]
