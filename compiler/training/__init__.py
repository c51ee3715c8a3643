"""Training: carry a network's weights to better values, with a teacher, labels, or both.

What a pass needs to ask for it stands in `setup` and `options`, which import no torch.
"""
