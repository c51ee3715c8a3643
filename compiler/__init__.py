"""The compiler: a recipe and a trained network in, an artifact for a board and a report out."""
