"""What a target cannot do, one rule a file: most read the operator table, the rest say what it cannot."""
