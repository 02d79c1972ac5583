"""Data sets over HTTP: a thin skin on a library, whose meaning lies in the rooms below."""

from cuds.service.app import create_app
from cuds.service.settings import Settings

__all__ = ["Settings", "create_app"]
