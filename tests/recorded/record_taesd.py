#!/usr/bin/env python3
"""Writes data/goldens/taesd-*.safetensors: what diffusers' AutoencoderTiny computes in double, with the weights of synthetic:1.

    python3 tests/recorded/record_taesd.py        needs torch, diffusers, safetensors

The picture is 72x104 (width, height), so that the coarsest level, 9x13, is odd. Inputs and results are (1, height, width, channels), rounded to
float. Latents reach about 4, where the clamp bends them.
"""
import os
import re
import sys

import diffusers
import numpy as np
import torch
from safetensors.numpy import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "bench", "compare"))
import synthetic  # noqa: E402

WIDTH, HEIGHT = 72, 104
# Layers of AutoencoderTiny's Sequential, by number: the paths in graphs/taesd.
DECODER = {0: "conv_in", 6: "up.0.conv", 11: "up.1.conv", 16: "up.2.conv", 17: "up.3.block.0", 18: "conv_out",
           **{2 + 5 * level + i: f"up.{level}.block.{i}" for level in range(3) for i in range(3)}}
ENCODER = {0: "conv_in", 1: "down.0.block.0", 14: "conv_out", **{4 * level - 2: f"down.{level}.conv" for level in range(1, 4)},
           **{4 * level - 1 + i: f"down.{level}.block.{i}" for level in range(1, 4) for i in range(3)}}


def fill(module, model, layers):
    """Gives the module the weights of synthetic:1."""
    for name, parameter in module.named_parameters():
        number, block, leaf = re.fullmatch(r"layers\.(\d+)(?:\.conv\.(\d))?\.(weight|bias)", name).groups()
        path = layers[int(number)] + (f".conv.{int(block) // 2}" if block else "")
        w = synthetic.weight(model, 1, path, leaf, tuple(parameter.shape), False)
        parameter.data = torch.from_numpy(w.astype(np.float64))
    return module.double().eval()


def waves(amplitude, *shape):
    i = np.arange(np.prod(shape), dtype=np.float64)
    return (amplitude * np.sin(12.9898 * (i + 1))).astype(np.float32).reshape(shape)


def record(name, tensor, x, module):
    y = module(torch.from_numpy(x.astype(np.float64)).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).contiguous()
    print(name, tuple(y.shape), "rms", float((y * y).mean().sqrt()))
    save_file({tensor: x, "output": y.numpy().astype(np.float32)}, os.path.join(HERE, "..", "data", "goldens", name),
              {"made_by": f"recorded/record_taesd.py, diffusers {diffusers.__version__}, PyTorch {torch.__version__}"})


def main():
    torch.set_grad_enabled(False)
    synthetic.NAMES.update(tiny_decoder=[], tiny_image_encoder=[])
    tiny = diffusers.AutoencoderTiny()
    decoder, encoder = fill(tiny.decoder, "tiny_decoder", DECODER), fill(tiny.encoder, "tiny_image_encoder", ENCODER)
    record("taesd-decoder-72x104-seed1.safetensors", "latent", waves(4.0, 1, HEIGHT // 8, WIDTH // 8, 4), decoder)
    record("taesd-encoder-72x104-seed1.safetensors", "image", waves(1.0, 1, HEIGHT, WIDTH, 3), encoder)


if __name__ == "__main__":
    main()
