"""Emitters: one package for each runtime that artifacts are built for."""
