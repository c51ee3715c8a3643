"""Kits for ncnn on Arm processors."""

from targets.emitters.ncnn.emitter import NcnnEmitter

__all__ = ["NcnnEmitter"]
