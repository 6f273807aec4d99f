"""What the tools share that turn latentc's own weights (f32) into checkpoints of others."""
import array
import json
import struct


def read_safetensors(path):
    data = open(path, "rb").read()
    n = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + n])
    header.pop("__metadata__", None)
    return {k: (v["shape"], array.array("f", data[8 + n + v["data_offsets"][0]:8 + n + v["data_offsets"][1]])) for k, v in header.items()}


def to_torch(shape, x):
    """Keras' (taps..., in, out) as PyTorch's (out, in, taps...)."""
    taps, (i, o) = shape[:-2], shape[-2:]
    n = 1
    for t in taps:
        n *= t
    y = array.array("f", bytes(4 * len(x)))
    for tap in range(n):
        for a in range(i):
            y[a * n + tap::i * n] = x[(tap * i + a) * o:(tap * i + a + 1) * o]
    return [o, i] + taps, y
