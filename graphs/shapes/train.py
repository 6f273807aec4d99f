"""Trains the small model. One stage at a time, each of them resumable (README.md):

    train.py data         vocabulary (merges.txt), held-out captions, parameters (params.json)
    train.py vae          image encoder and decoder
    train.py latents      the training set: pictures as latents, captions as tokens
    train.py text         text encoder, first on naming what a caption says
    train.py diffusion    diffusion model and text encoder together
    train.py export       weights.safetensors

State is kept under $SHAPES_STATE (default: state/ beside this file).
"""
import argparse
import json
import math
import os
import sys
import time
from collections import Counter

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

import draw
import model as models
from tokenizer import Tokenizer, learn_merges

HERE = os.path.dirname(os.path.abspath(__file__))
STATE = os.environ.get("SHAPES_STATE", os.path.join(HERE, "state"))
SEED = 20240
PARAMS = json.load(open(os.path.join(HERE, "params.json")))


def state_path(name):
    os.makedirs(STATE, exist_ok=True)
    return os.path.join(STATE, name)


def save(name, **items):
    """Writes a checkpoint under another name first: a run may be stopped at any moment."""
    torch.save(items, state_path(name + ".part"))
    os.replace(state_path(name + ".part"), state_path(name))


def load(name):
    path = state_path(name)
    return torch.load(path, map_location="cpu") if os.path.exists(path) else None


def bf16():
    return torch.autocast("cpu", torch.bfloat16)


def cosine(step, steps, warm, peak, floor=0.02):
    if step < warm:
        return peak * (step + 1) / warm
    x = min(1.0, (step - warm) / max(1, steps - warm))
    return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * x)))


class Average:
    """Exponential moving average of parameters; young averages forget faster."""
    def __init__(self, modules, decay, saved=None):
        self.params = [p for m in modules for p in m.parameters()]
        self.decay, self.steps = decay, 0
        self.shadow = [p.detach().clone() for p in self.params]
        if saved:
            self.steps, self.shadow = saved["steps"], saved["shadow"]

    @torch.no_grad()
    def update(self):
        self.steps += 1
        d = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.shadow, [p.detach() for p in self.params], 1 - d)

    def state(self):
        return {"steps": self.steps, "shadow": self.shadow}

    @torch.no_grad()
    def swap(self):
        """Exchanges averages and parameters; a second call undoes it."""
        for p, s in zip(self.params, self.shadow):
            t = p.detach().clone()
            p.copy_(s)
            s.copy_(t)


# ---------------------------------------------------------------- image encoder and decoder

def image_models(scale=None):
    torch.manual_seed(SEED)
    scale = scale or PARAMS["image_encoder"]["scale"]
    build = lambda cls, key: cls(**dict(PARAMS[key], scale=scale)).to(memory_format=torch.channels_last)
    return build(models.ImageEncoder, "image_encoder"), build(models.Decoder, "decoder")


def to_tensor(pictures):
    x = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    return (x.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def picture_batch(step, full, crop):
    """Even steps: whole pictures. Odd steps: four times as many quarters around an object, where the edges are."""
    rng = np.random.default_rng([SEED, 1, step])
    if full:
        return to_tensor([draw.draw(draw.random_scene(rng)) for _ in range(crop // 4)])
    out = []
    for _ in range(crop):
        scene = draw.random_scene(rng)
        o = scene["objects"][int(rng.integers(len(scene["objects"])))]
        at = [int(np.clip(o[k] * 128 - 32 + rng.normal() * 14, 0, 64)) for k in ("x", "y")]
        out.append(draw.draw(scene)[at[1]:at[1] + 64, at[0]:at[0] + 64])
    return to_tensor(out)


class Pictures(torch.utils.data.Dataset):
    def __init__(self, first, steps, batch):
        self.first, self.steps, self.batch = first, steps, batch

    def __len__(self):
        return self.steps - self.first

    def __getitem__(self, i):
        step = self.first + i
        return picture_batch(step, step % 2 == 0 or step > 0.8 * self.steps, self.batch)


def image_loss(enc, dec, x, rng, kl_weight=3e-4):
    with bf16():
        mean, logvar = enc.moments(x)
    mean, logvar = mean.float(), logvar.float().clamp(-12, 4)
    z = mean + torch.exp(0.5 * logvar) * torch.randn(mean.shape, generator=rng)
    with bf16():
        y = dec(z * dec.scale)
    y = y.float()
    kl = 0.5 * (mean ** 2 + logvar.exp() - 1 - logvar).mean()
    edges = (F.max_pool2d(x, 5, 1, 2) + F.max_pool2d(-x, 5, 1, 2)).amax(1, keepdim=True) > 0.05
    weight = 1 + 4 * edges.float()
    err = (y - x) * weight
    return err.abs().mean() + (err * (y - x)).mean() + kl_weight * kl, (y - x).abs().mean().item(), kl.item()


def train_vae(steps, batch, peak, every=50):
    enc, dec = image_models(scale=1.0)
    params = [*enc.parameters(), *dec.parameters()]
    opt = torch.optim.AdamW(params, peak, betas=(0.9, 0.99), weight_decay=1e-4, fused=True)
    state, first = load("vae.pt"), 0
    if state:
        enc.load_state_dict(state["enc"]); dec.load_state_dict(state["dec"]); opt.load_state_dict(state["opt"])
        first = state["step"]
    average = Average([enc, dec], 0.995, state and state["average"])
    rng, start, seen = torch.Generator().manual_seed(SEED + first), time.time(), []
    data = torch.utils.data.DataLoader(Pictures(first, steps, batch), batch_size=None, num_workers=1, prefetch_factor=8)
    for step, x in enumerate(data, first):
        for g in opt.param_groups:
            g["lr"] = cosine(step, steps, 50, peak)
        loss, l1, kl = image_loss(enc, dec, x, rng)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        opt.step(); opt.zero_grad(); average.update()
        seen.append((loss.item(), l1, kl))
        if (step + 1) % every == 0 or step + 1 == steps:
            print(f"vae {step + 1}/{steps} loss {np.mean(seen, 0).round(4)} {time.time() - start:.0f} s", flush=True)
            seen = []
            save("vae.pt", enc=enc.state_dict(), dec=dec.state_dict(), opt=opt.state_dict(), average=average.state(), step=step + 1)


# ---------------------------------------------------------------- data

def make_data(captions=20000):
    """Vocabulary and held-out captions. The vocabulary comes from training captions only."""
    rng = np.random.default_rng([SEED, 2])
    merges = learn_merges([draw.training_pair(rng)[1] for _ in range(captions)], 1000)
    with open(os.path.join(HERE, "merges.txt"), "w", encoding="utf-8") as f:
        f.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    size = len(Tokenizer(os.path.join(HERE, "merges.txt")))
    if size != PARAMS["text_encoder"]["vocab_size"]:
        sys.exit(f"params.json says vocab_size {PARAMS['text_encoder']['vocab_size']}, merges.txt gives {size}")
    data = os.path.join(HERE, "..", "..", "tests", "data")
    os.makedirs(data, exist_ok=True)
    draw.write_held_out(os.path.join(data, "shapes-heldout.json"))


# ---------------------------------------------------------------- export

def text_models():
    torch.manual_seed(SEED + 1)
    text = models.TextEncoder(**PARAMS["text_encoder"])
    unet = models.DiffusionModel(**PARAMS["diffusion_model"]).to(memory_format=torch.channels_last)
    return text, unet


def averaged(modules, state):
    """The modules with their averaged weights, where a checkpoint has them."""
    if state:
        Average(modules, 0, state["average"]).swap()
    return modules


def trained_models():
    enc, dec = averaged(image_models(), load("vae.pt"))
    text, unet = text_models()
    averaged([text, unet], load("diffusion.pt"))
    return {"image_encoder": enc, "decoder": dec, "text_encoder": text, "diffusion_model": unet}


def export():
    tensors = {}
    for name, m in trained_models().items():
        for path, w in models.keras_weights(m).items():
            tensors[f"{name}/{path}"] = w.detach().half().contiguous()
    save_file(tensors, os.path.join(HERE, "weights.safetensors"))
    print(len(tensors), "tensors,", sum(t.numel() for t in tensors.values()), "parameters")


STAGES = {
    "data": lambda a: make_data(),
    "export": lambda a: export(),
    "vae": lambda a: train_vae(a.steps or 1600, 64, 2e-3),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    STAGES[args.stage](args)
