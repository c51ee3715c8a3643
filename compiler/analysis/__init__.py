"""Analyses: read a program, return values, edit nothing."""
