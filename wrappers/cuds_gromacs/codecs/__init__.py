"""The files of GROMACS, in its own numbers: topologies, structures, run parameters."""
