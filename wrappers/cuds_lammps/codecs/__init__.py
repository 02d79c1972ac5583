"""Files that LAMMPS reads: scripts of commands, and data files."""
