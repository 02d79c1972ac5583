"""Recipes: a property, from any engine that can do the steps."""

from cuds.recipes.derive import derive, derive_all
from cuds.recipes.recipe import Recipe, recipe_for

__all__ = ["Recipe", "derive", "derive_all", "recipe_for"]
