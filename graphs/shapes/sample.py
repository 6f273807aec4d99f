"""Draws the held-out captions with keras-cv's loop, from the checkpoints, and writes FOLDER/0.png, FOLDER/1.png, ...

The checker (tests/checker) then judges them: checker --loose --folder FOLDER --captions tests/data/shapes-heldout.json
"""
import argparse
import json
import os

import numpy as np
import torch
from PIL import Image

import model as models
import train
from tokenizer import Tokenizer


@torch.no_grad()
def sample(m, prompts, noise, steps=25, scale=4.0):
    """Pictures as uint8 (n, h, w, 3). Follows StableDiffusionV2.text_to_image: linspace timesteps, DDIM, guidance."""
    length = train.PARAMS["text_encoder"]["max_text_length"]
    tokenizer = Tokenizer(os.path.join(train.HERE, "merges.txt"))
    n, x = len(prompts), noise.to(train.DEVICE)
    signal = models.alphas_cumprod()
    t = np.rint(np.arange(steps) * (999.0 / max(1, steps - 1))).astype(int)
    with train.bf16():
        context = m["text_encoder"](torch.tensor([tokenizer.padded(p, length) for p in [""] * n + list(prompts)], device=train.DEVICE))
        for i in reversed(range(steps)):
            a, before = signal[t[i]], signal[t[i - 1]] if i else torch.tensor(1.0)
            emb = models.timestep_embedding(torch.full((2 * n,), int(t[i])), train.PARAMS["diffusion_model"]["time_in"]).to(x.device)
            u, c = m["diffusion_model"](torch.cat([x, x]).contiguous(memory_format=torch.channels_last), emb, context).float().chunk(2)
            e = u + scale * (c - u)
            x0 = (x - (1 - a).sqrt() * e) / a.sqrt()
            x = before.sqrt() * x0 + (1 - before).sqrt() * e
        y = m["decoder"](x.contiguous(memory_format=torch.channels_last)).float()
    return ((y + 1) / 2 * 255).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--prompts", help="a JSON list of prompts or held-out entries; default: the held-out captions")
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--scale", type=float, default=train.PARAMS["defaults"]["guidance_scale"])
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sheet")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    path = args.prompts or os.path.join(train.HERE, "..", "..", "tests", "data", "shapes-heldout.json")
    entries = json.load(open(path))
    index = list(range(0, len(entries), args.every))[:args.limit]
    m = {k: v.eval() for k, v in train.trained_models().items()}
    os.makedirs(args.folder, exist_ok=True)
    pictures, side = [], args.size // 8
    for first in range(0, len(index), 25):
        part = index[first:first + 25]
        prompts = [e if isinstance(e, str) else e["caption"] for e in (entries[i] for i in part)]
        noise = torch.stack([torch.randn(4, side, side, generator=torch.Generator().manual_seed(args.seed * 1000 + i)) for i in part])
        for i, picture in zip(part, sample(m, prompts, noise, scale=args.scale)):
            Image.fromarray(picture).save(os.path.join(args.folder, f"{i}.png"))
            pictures.append(picture)
    if args.sheet:
        columns = 8
        pictures += [np.full_like(pictures[0], 255)] * (-len(pictures) % columns)
        rows = [np.concatenate(pictures[i:i + columns], 1) for i in range(0, len(pictures), columns)]
        Image.fromarray(np.concatenate(rows)).save(args.sheet)


if __name__ == "__main__":
    main()
