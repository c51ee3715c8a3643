"""How operators are lowered: one file for each family, found by the decorator `lowers`."""
