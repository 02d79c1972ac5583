"""Data sets that last: kept by name and version, asked by meaning."""

from cuds.store.disk import Library
from cuds.store.memory import Memory
from cuds.store.protocol import Found, Store, Version, Write

__all__ = ["Found", "Library", "Memory", "Store", "Version", "Write"]
