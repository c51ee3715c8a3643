"""Lowering: a program becomes a torch.fx module that trains, and its values come back.

    module = lower(program, extra=("layer4",), norms="train", dropout="off")
    outputs = module(images)               # inputs in the program's order; {ONNX name: tensor}, extra tensors too
    module.train(); module.eval()          # BatchNormalization by batch or by running statistics
    module.parameters()                    # weights, under their ONNX names: see lowered(module).weights
    write_back(module, program)            # values by name; a shape that differs is refused

`norms="frozen"` keeps BatchNormalization's statistics, scale and shift as they are. `dropout="active"` lets
Dropout act in training. Any batch size fits. A layer that has no lowering is refused with its name and the reason.
"""

from compiler.lowering.layers import DropoutUse, Norms
from compiler.lowering.lower import Lowered, lower
from compiler.lowering.weights import Kind, Weight, find_weights
from compiler.lowering.write_back import lowered, write_back

__all__ = ["DropoutUse", "Kind", "Lowered", "Norms", "Weight", "find_weights", "lower", "lowered", "write_back"]
