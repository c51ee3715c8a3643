"""The built-in passes, one file each; the file's name is the recipe's name for the pass."""
