"""The kit for a machine that has ONNX Runtime."""

from targets.emitters.onnxruntime.emitter import OnnxruntimeEmitter

__all__ = ["OnnxruntimeEmitter"]
