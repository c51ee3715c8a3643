"""The kit for a Jetson board that has TensorRT 8.2."""

from targets.emitters.tensorrt.emitter import TensorrtEmitter

__all__ = ["TensorrtEmitter"]
