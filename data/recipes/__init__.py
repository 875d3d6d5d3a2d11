"""Recipes: one module a source, from its raw files to the tables beside this folder. `kit` says what a recipe is."""
