"""YAML in which every value knows its place, so that a finding can point at line and column."""
