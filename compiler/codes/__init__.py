"""The codes of findings by what they are about: number, name, how grave, and what `compress explain` shows."""
