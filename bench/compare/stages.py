"""The inputs of the stages, and the ways between latentc's layout and torch's. No torch here: a peer's memory is its own."""
import numpy as np

from catalog import STAGES

TEXT_LENGTH = 77
LATENT_SCALE = 0.18215

# The arguments of the torch modules, by latentc's names.
ARGUMENTS = {"diffusion_model": ("latent", "timestep_embedding", "context"), "decoder": ("latent",), "tiny_decoder": ("latent",),
             "text_encoder": ("tokens",)}


def arguments(stage):
    return ARGUMENTS[STAGES[stage].model]


def inputs(stage, size, seed):
    """The same numbers for everybody, as latentc takes them (NHWC, float32). A guided step's halves share latent and time, as in the loop."""
    g, batch = np.random.default_rng(seed), STAGES[stage].batch
    latent = g.standard_normal((1, size // 8, size // 8, 4), dtype=np.float32)
    if stage == "decoder":
        return {"latent": latent * np.float32(LATENT_SCALE)}
    if stage == "tiny_decoder":
        return {"latent": latent}
    if stage == "text_encoder":
        tokens = np.concatenate([[49406], g.integers(0, 49406, 40), np.full(36, 49407)])
        return {"tokens": tokens.astype(np.int32)[None].repeat(batch, 0), "positions": np.arange(TEXT_LENGTH, dtype=np.int32)[None].repeat(batch, 0)}
    angles = 500 * np.exp(-np.log(10000.0) * np.arange(160) / 160)
    embedding = np.concatenate([np.cos(angles), np.sin(angles)]).astype(np.float32)
    return {"latent": latent.repeat(batch, 0), "timestep_embedding": embedding[None].repeat(batch, 0),
            "context": g.standard_normal((batch, TEXT_LENGTH, 1024), dtype=np.float32)}


def for_torch(stage, values):
    """The module's arguments: images are NCHW there."""
    return [np.ascontiguousarray(values[n].transpose(0, 3, 1, 2)) if values[n].ndim == 4 else values[n] for n in arguments(stage)]


def from_torch(output):
    """latentc's layout, NHWC; float64 stays."""
    return np.ascontiguousarray(output.transpose(0, 2, 3, 1) if output.ndim == 4 else output)
