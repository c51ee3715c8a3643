"""Where networks come from: ONNX files, and functions that build them in torch."""
