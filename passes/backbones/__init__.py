"""Lightweight backbones as layer tables, expanded straight into the IR."""

from passes.backbones.catalogue import NAMES, Backbone, load_backbone

__all__ = ["NAMES", "Backbone", "load_backbone"]
