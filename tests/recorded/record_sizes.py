#!/usr/bin/env python3
"""Writes data/sizes.txt: what diffusers' UNet2DConditionModel and AutoencoderKL compute, in double, at sizes whose levels are odd.

    python3 tests/recorded/record_sizes.py build/latentc        needs torch, diffusers, safetensors; 12 GB of memory, 6 GB of disk

The narrow models are those of tests/data/narrow.json with synthetic:5; the wide ones those of graphs/sd2 with synthetic:1, but with
PyTorch's conventions (tests/unit/program/test_odd_sizes.c sets them). Inputs are a function that the test has too.

A line a model and size: width of the model, model, size of the picture, number of results, their sum, the sum of their squares, a step s,
then every s-th result, in the order (height, width, channels).
"""
import math
import os
import subprocess
import sys
import tempfile

import diffusers
import numpy as np
import torch
from safetensors import safe_open

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
TIMESTEP = 601
SAMPLES = 500
CROSS, PLAIN = "CrossAttnDownBlock2D", "DownBlock2D"
UNET = {"down_block_types": [CROSS] * 3 + [PLAIN], "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3, "layers_per_block": 2,
        "use_linear_projection": True}
VAE = {"down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4, "layers_per_block": 2, "latent_channels": 4}
WIDTHS = {
    "narrow": {
        "weights": ["synthetic:5", os.path.join(TESTS, "data", "narrow.json")], "sizes": ["72x104", "200x136"], "context": (32, 64),
        "unet": {"block_out_channels": [16, 32, 64, 64], "attention_head_dim": [1, 2, 4, 4], "cross_attention_dim": 64, "norm_num_groups": 8,
                 "norm_eps": 3e-5},
        "vae": {"block_out_channels": [16, 24, 32, 32], "norm_num_groups": 8, "scaling_factor": 0.25}},
    "wide": {
        "weights": ["synthetic:1", os.path.join(TESTS, "..", "graphs", "sd2", "pipeline.json")], "sizes": ["72x104"], "context": (77, 1024),
        "unet": {"block_out_channels": [320, 640, 1280, 1280], "attention_head_dim": [5, 10, 20, 20], "cross_attention_dim": 1024},
        "vae": {"block_out_channels": [128, 256, 512, 512], "scaling_factor": 0.18215}},
}


def waves(number, *shape):
    """Input `number` of a model, (height, width, channels) or (tokens, channels), rounded to float32."""
    i = np.arange(math.prod(shape), dtype=np.float64)
    return torch.from_numpy((1.4 * np.sin(12.9898 * (i + 1) + 78.233 * number)).astype(np.float32).astype(np.float64).reshape(shape))


class TimeEmbedding(torch.nn.Module):
    """diffusers' get_timestep_embedding(t, width, flip_sin_to_cos=True, downscale_freq_shift=0), which computes angles in float32: here in double,
    rounded once, as latentc has it."""

    def __init__(self, width):
        super().__init__()
        self.frequencies = torch.exp(-math.log(10000) * torch.arange(width // 2, dtype=torch.float64) / (width // 2))

    def forward(self, t):
        angles = t[:, None].double() * self.frequencies[None]
        return torch.cat([angles.cos(), angles.sin()], -1).float()


def nchw(x):
    return x.permute(2, 0, 1)[None]


def load(kind, config, component, own):
    """The model with the weights of file `own`, which tests/data/weight-names.tsv names."""
    with torch.device("meta"):
        model = kind(**config)
    want, state = model.state_dict(), {}
    with safe_open(own, "np") as f:
        for line in open(os.path.join(TESTS, "data", "weight-names.tsv"), encoding="utf-8"):
            ours, path, _, name = (line.split("\t") + [""] * 4)[:4]
            if not name.startswith(component + "/"):
                continue
            name = name.partition("/")[2]
            w = f.get_tensor(ours + "/" + path).astype(np.float64)
            if path.endswith("kernel"):
                w = np.moveaxis(w, (-1, -2), (0, 1))
            state[name] = torch.from_numpy(np.ascontiguousarray(w)).reshape(want[name].shape)
    model.load_state_dict(state, assign=True)
    return model.eval()


def record(out, width, model, size, y):
    y = y[0].permute(1, 2, 0).flatten().double()
    step = max(1, len(y) // SAMPLES)
    while step > 1 and not all(step % k for k in range(2, step)):  # a prime, so that samples are of all rows, columns and channels
        step += 1
    values = " ".join("%.9g" % v for v in y[::step].tolist())
    out.write(f"{width} {model} {size} {len(y)} {y.sum():.12g} {(y * y).sum():.12g} {step} {values}\n")
    print(width, model, size, "rms", float((y * y).mean().sqrt()))


def record_width(out, width, at):
    about = WIDTHS[width]
    own = os.path.join(at, width + ".safetensors")
    subprocess.run([sys.argv[1], "weights", "convert", *about["weights"], "--to", "latentc", "-o", own], check=True)
    sizes = [(s, *map(int, s.split("x"))) for s in about["sizes"]]
    unet = load(diffusers.UNet2DConditionModel, {**UNET, **about["unet"]}, "unet", own)
    unet.time_proj = TimeEmbedding(about["unet"]["block_out_channels"][0])
    for size, w, h in sizes:
        latent, context = waves(0, h // 8, w // 8, 4), waves(2, *about["context"])
        record(out, width, "diffusion_model", size, unet(nchw(latent), TIMESTEP, context[None]).sample)
    del unet
    vae = load(diffusers.AutoencoderKL, {**VAE, **about["vae"]}, "vae", own)
    for size, w, h in sizes:
        record(out, width, "decoder", size, vae.decode(nchw(waves(0, h // 8, w // 8, 4)) / about["vae"]["scaling_factor"]).sample)
        record(out, width, "image_encoder", size, vae.encode(nchw(waves(0, h, w, 3))).latent_dist.parameters)


def main():
    torch.set_grad_enabled(False)
    with tempfile.TemporaryDirectory() as at, open(os.path.join(TESTS, "data", "sizes.txt"), "w", encoding="utf-8") as out:
        out.write(f"# diffusers {diffusers.__version__}, PyTorch {torch.__version__}; see recorded/record_sizes.py\n")
        for width in sys.argv[2:] or WIDTHS:
            record_width(out, width, at)


if __name__ == "__main__":
    main()
