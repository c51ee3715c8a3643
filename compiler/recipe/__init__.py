"""Recipes: what may stand in one, how files and settings become one, and what is wrong with one that is refused."""

from compiler.recipe.model import (
    Allow,
    Budget,
    Data,
    LoadedRecipe,
    Model,
    Recipe,
    Repeat,
    Step,
    load_recipe,
)

__all__ = ["Allow", "Budget", "Data", "LoadedRecipe", "Model", "Recipe", "Repeat", "Step", "load_recipe"]
