"""What integers cost: noise layer by layer, layers that return to float for it, and predicted time."""

from compiler.analysis.cost import PRECISION_KEY
from compiler.analysis.quantization import judged_tensors, noise_by_tensor, predicted_gain, short, units_of
from compiler.ir import Program
from compiler.target import Target
from passes.integers.choosing import Images, closely_judged
from passes.integers.decision import Quantized, Way
from passes.integers.making import Making


def spared(way: Way, making: Making, images: Images, min_sqnr_db: float) -> Quantized:
    """Return the noisiest layers to float, one by one, until outputs are as quiet as asked. Raises RefusedError."""
    program, trial, decision = way.network, closely_judged(images).trial, making.decision(way, {})
    units = units_of(program, decision.scheme, making.layout(program, decision.scheme, {}))
    alone: dict[str, float] = {}
    for layer in units:
        others = {name: "" for other in units if other != layer for name in units[other]}
        alone[layer] = trial.noise_of(making.twin(program, making.decision(way, others)))
    floats: dict[str, str] = {}
    for layer in sorted(alone, key=alone.__getitem__):
        if trial.noise_of(making.twin(program, decision)) >= min_sqnr_db:
            break
        floats |= dict.fromkeys(units[layer], f"in integers it alone leaves the outputs at {alone[layer]:g} dB")
        decision = making.decision(way, floats)
    return decision.model_copy(update={"alone_sqnr_db": alone})


def measured(way: Way, decision: Quantized, making: Making, images: Images) -> Quantized:
    """Measure the noise of what each layer puts out. Raises RefusedError."""
    program, scheme = way.network, decision.scheme
    written = judged_tensors(program, scheme, making.layout(program, scheme, decision.floats))
    twin, samples = making.twin(program, decision), images.trial.samples
    noise = noise_by_tensor(images.watched, twin, tuple(written.values()), samples, way.divisors)
    return decision.model_copy(update={"layer_sqnr_db": {name: noise[tensor] for name, tensor in written.items()}})


def costed(program: Program, decision: Quantized, making: Making, target: Target) -> Quantized:
    """Predict what the integers gain and what conversions cost."""
    twin = making.twin(program, decision)
    twin.set_metadata(PRECISION_KEY, "int8")
    gain = predicted_gain(program, twin, target.cost)
    islands = {name: short(cost) for name, cost in gain.islands.items()}
    predicted = {"float": short(gain.float_ms), "integers": short(gain.integer_ms)}
    return decision.model_copy(update={"islands_ms": islands, "predicted_ms": predicted})
