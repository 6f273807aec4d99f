"""Trains the small model. One stage at a time, each of them resumable (README.md):

    train.py data         vocabulary (merges.txt), held-out captions, parameters (params.json)
    train.py latents      the training set: pictures as latents
    train.py decoder      decoder
    train.py text         text encoder, first on naming what a caption says
    train.py diffusion    diffusion model and text encoder together
    train.py export       weights.safetensors
    train.py restore      checkpoints from weights.safetensors, to train on without the old ones

State is kept under $SHAPES_STATE (default: state/ beside this file).
"""
import argparse
import json
import math
import os
import sys
import time

import numpy as np
import torch
import torch.distributed
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

import draw
import model as models
from tokenizer import Tokenizer, learn_merges

HERE = os.path.dirname(os.path.abspath(__file__))
STATE = os.environ.get("SHAPES_STATE", os.path.join(HERE, "state"))
SEED = 20240
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
WORKERS = 1 if DEVICE == "cpu" else 12
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
    return torch.load(path, map_location=DEVICE) if os.path.exists(path) else None


def bf16():
    return torch.autocast(DEVICE, torch.bfloat16)


def trapezoid(step, steps, warm, peak):
    """Up, level, and down to nothing over the last 30 %: a training can be cut short or made longer without having been planned so."""
    return peak * min(1, (step + 1) / warm, (steps - step) / (0.3 * steps))


class Muon:
    """Momentum made orthogonal for matrices and convolutions (Jordan et al., 2024), AdamW for the rest.

    Update size as in Liu et al., 2025 ("Muon is scalable"): the root mean square of AdamW's, so both share a learning rate.
    `shares`: (parameters, factor of the learning rate).
    """
    def __init__(self, shares, decay=1e-2, momentum=0.95):
        whole = [(list(p), share) for p, share in shares]
        self.shares = [share for _, share in whole]
        self.matrices = [[p for p in ps if p.dim() > 1 and min(p.shape[:2]) >= 16] for ps, _ in whole]
        inside = {id(p) for ps in self.matrices for p in ps}
        rest = [{"params": [p for p in ps if id(p) not in inside]} for ps, _ in whole]
        self.adam = torch.optim.AdamW(rest, 1e-3, betas=(0.9, 0.99), weight_decay=decay, fused=True)
        self.momenta = [[torch.zeros_like(p) for p in ps] for ps in self.matrices]
        self.decay, self.momentum = decay, momentum

    @staticmethod
    def orthogonal(g):
        """Newton's iteration of fifth order toward the nearest orthogonal matrix, for a stack of matrices (n, rows <= columns)."""
        x = g.bfloat16()
        x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
        for _ in range(5):
            a = x @ x.mT
            x = 3.4445 * x + (-4.7750 * a + 2.0315 * (a @ a)) @ x
        return x.float()

    @torch.no_grad()
    def step(self, rate):
        for group, share in zip(self.adam.param_groups, self.shares):
            group["lr"] = rate * share
        self.adam.step()
        for ps, momenta, share in zip(self.matrices, self.momenta, self.shares):
            lr, alike = rate * share, {}
            for p, m in zip(ps, momenta):
                m.lerp_(p.grad, 1 - self.momentum)
                g = p.grad.lerp(m, self.momentum).flatten(1)
                alike.setdefault(min(tuple(g.shape), tuple(g.shape)[::-1]), []).append((p, g if g.shape[0] <= g.shape[1] else g.mT))
            for shape, items in alike.items():
                for (p, g), u in zip(items, self.orthogonal(torch.stack([g for _, g in items]))):
                    u = u if p.shape[0] == u.shape[0] and u.numel() // u.shape[0] == p[0].numel() else u.mT
                    p.mul_(1 - lr * self.decay).add_(u.reshape(p.shape), alpha=-lr * 0.2 * max(shape) ** 0.5)

    def zero_grad(self):
        for ps in self.matrices:
            for p in ps:
                p.grad = None
        self.adam.zero_grad()

    def state_dict(self):
        return {"adam": self.adam.state_dict(), "momenta": self.momenta}

    def load_state_dict(self, state):
        self.adam.load_state_dict(state["adam"])
        self.momenta = state["momenta"]


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


# ---------------------------------------------------------------- data parallel

def join(rank, ranks):
    """Data parallel over single-threaded processes: on few shared cores that wastes less than threads waiting for each other.

    A GPU is used by one process alone.
    """
    torch.set_num_threads(1)
    if ranks == 1:
        return
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=os.environ.get("MASTER_PORT", "29511"))
    torch.distributed.init_process_group("gloo", rank=rank, world_size=ranks)


def wait_for_all(ranks):
    if ranks > 1:
        torch.distributed.barrier()


def share_gradients(params, ranks):
    if ranks == 1:
        return
    flat = torch.cat([p.grad.flatten() for p in params])
    torch.distributed.all_reduce(flat)
    flat /= ranks
    for p, g in zip(params, flat.split([p.numel() for p in params])):
        p.grad.copy_(g.view_as(p))


# ---------------------------------------------------------------- latents
#
# What a latent means is laid down instead of learned: three channels are the mean colour of an 8 x 8 block of pixels, turned and
# scaled so that the palette has unit covariance, and the fourth tells on which side of the block its colours lie. All this is
# linear in the pixels. Encoder, decoder and diffusion model can then be trained apart from each other, in any order.

def latent_basis():
    """Mean colour, and the matrix that turns a colour (-1..1) into three channels; the colour direction of the fourth channel."""
    colors = torch.tensor(list(draw.COLORS.values()), dtype=torch.float64) / 127.5 - 1
    mean = colors.mean(0)
    values, vectors = torch.linalg.eigh((colors - mean).T @ (colors - mean) / len(colors))
    vectors = vectors * torch.sign(vectors.sum(0))   # an eigenvector's sign is arbitrary
    whiten = (vectors / values.sqrt()).T
    direction = torch.tensor([-0.76, -0.62, 0.18], dtype=torch.float64)   # keeps all colours of the palette apart
    return mean.float(), whiten.float(), direction.float()


def latents_of(x, block=8):
    """Pictures (n, 3, h, w), -1..1, to latents (n, 4, h / block, w / block)."""
    mean, whiten, direction = (t.to(x.device) for t in latent_basis())
    color = torch.einsum("kc,nchw->nkhw", whiten, F.avg_pool2d(x, block) - mean[:, None, None])
    ramp = (torch.arange(block, device=x.device) - (block - 1) / 2) / (block / 2)
    kernel = (ramp[None, :] + 0.6 * ramp[:, None]) / block ** 2
    side = F.conv2d(torch.einsum("c,nchw->nhw", direction, x)[:, None], kernel[None, None], stride=block)
    return torch.cat([color, 12 * side], 1)


# ---------------------------------------------------------------- image encoder and decoder

def image_models():
    torch.manual_seed(SEED)
    build = lambda cls, key: cls(**PARAMS[key]).to(DEVICE, memory_format=torch.channels_last)
    return build(models.ImageEncoder, "image_encoder"), build(models.Decoder, "decoder")


def to_tensor(pictures):
    x = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    return (x.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def picture_batch(step, rank, full, crop):
    """Whole pictures, or four times as many quarters around an object, where the edges are."""
    rng = np.random.default_rng([SEED, 1, step, rank])
    if full:
        return to_tensor([draw.draw(draw.random_scene(rng)) for _ in range(crop // 4)])
    out = []
    for _ in range(crop):
        scene = draw.random_scene(rng)
        o = scene["objects"][int(rng.integers(len(scene["objects"])))]
        at = [int(np.clip(o[k] * 128 - 32 + rng.normal() * 14, 0, 64)) // 8 * 8 for k in ("x", "y")]
        out.append(draw.draw(scene)[at[1]:at[1] + 64, at[0]:at[0] + 64])
    return to_tensor(out)


class Pictures(torch.utils.data.Dataset):
    def __init__(self, first, steps, rank, batch):
        self.first, self.steps, self.rank, self.batch = first, steps, rank, batch

    def __len__(self):
        return self.steps - self.first

    def __getitem__(self, i):
        step = self.first + i
        return picture_batch(step, self.rank, step % 4 == 0 or step > 0.85 * self.steps, self.batch)


def decoder_loss(dec, x, rng):
    """Error of the picture drawn from a slightly wrong latent: the decoder is to mend what the diffusion model leaves undone."""
    z = latents_of(x)
    wrong = torch.rand(len(x), 1, 1, 1, generator=rng) ** 2 * 0.25 * torch.randn(z.shape, generator=rng)
    with bf16():
        y = dec((z + wrong.to(DEVICE)).contiguous(memory_format=torch.channels_last))
    y = y.float()
    edges = (F.max_pool2d(x, 5, 1, 2) + F.max_pool2d(-x, 5, 1, 2)).amax(1, keepdim=True) > 0.05
    weight = 1 + 3 * edges.float()
    return ((y - x).abs() * weight).mean() + ((y - x) ** 2 * weight).mean(), (y - x).abs().mean().item()


@torch.no_grad()
def build_encoder(enc):
    """Writes the definition of a latent into the image encoder's weights: nothing is left to train.

    Channels 0..2 carry the mean colour, 3 the side, 4..7 their negatives, 8..15 constants. Residual blocks and attention pass
    everything on; each stride-2 convolution averages 2 x 2 and adds its share of the side. The last norm's group of 16 channels is
    ruled by the constants, so that it scales by a number known beforehand, and swish(x) - swish(-x) = x.
    """
    big, direction, carried = 64.0, latent_basis()[2].to(DEVICE), torch.arange(16)
    for name, p in enc.named_parameters():
        if not name.endswith("gamma"):
            p.zero_()
    for name, m in enc.named_modules():
        if name.endswith("residual"):
            m.kernel[carried, carried] = 1
    first = enc["conv_in"]
    for c in range(3):
        first.kernel[c, c, 1, 1], first.kernel[4 + c, c, 1, 1] = 1, -1
    first.bias[8:12], first.bias[12:16] = big, -big
    for level in range(3):
        k = enc[f"down.{level}.conv"].kernel
        for y in (0, 1):
            for x in (0, 1):
                k[carried, carried, y, x] = 0.25
                ramp = 0.25 * 2 ** level * ((x - 0.5) + 0.6 * (y - 0.5)) / 4
                k[3, :3, y, x], k[7, :3, y, x] = ramp * direction, -ramp * direction
    enc["norm_out"].gamma.zero_()
    enc["norm_out"].gamma[:8] = big / 2 ** 0.5
    mean, whiten, _ = (t.to(DEVICE) for t in latent_basis())
    last = enc["conv_out"]
    last.kernel[:3, :3, 1, 1], last.kernel[:3, 4:7, 1, 1], last.bias[:3] = whiten, -whiten, -whiten @ mean
    last.kernel[3, 3, 1, 1], last.kernel[3, 7, 1, 1] = 12, -12
    enc["quant_conv"].kernel[torch.arange(4), torch.arange(4)] = 1
    return enc


def train_decoder(rank, ranks, steps, batch, peak, every=50):
    join(rank, ranks)
    m = image_models()[1]
    params = list(m.parameters())
    opt = Muon([(params, 1.0)], decay=1e-4)
    state, first = load("decoder.pt"), 0
    if state:
        m.load_state_dict(state["model"])
        if "opt" in state:
            opt.load_state_dict(state["opt"])
        first = state["step"]
    average = Average([m], 0.995, state and state["average"])
    rng, start, seen = torch.Generator().manual_seed((SEED + first) * ranks + rank), time.time(), []
    data = torch.utils.data.DataLoader(Pictures(first, steps, rank, batch), batch_size=None, num_workers=WORKERS, prefetch_factor=8)
    for step, x in enumerate(data, first):
        loss, l1 = decoder_loss(m, x.to(DEVICE), rng)
        loss.backward()
        share_gradients(params, ranks)
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        opt.step(trapezoid(step, steps, 50, peak)); opt.zero_grad(); average.update()
        seen.append((loss.item(), l1))
        if rank == 0 and ((step + 1) % every == 0 or step + 1 == steps):
            print(f"decoder {step + 1}/{steps} loss {np.mean(seen, 0).round(4)} {time.time() - start:.0f} s", flush=True)
            seen = []
            save("decoder.pt", model=m.state_dict(), opt=opt.state_dict(), average=average.state(), step=step + 1)
    wait_for_all(ranks)


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


# ---------------------------------------------------------------- text encoder, warmed up

def labels(scene):
    """What a caption says, as class numbers; 0 where it says nothing. Two objects are listed from left to right or top to bottom."""
    index = lambda items, v: 0 if v is None else 1 + items.index(v)
    objects, relation = scene["objects"], scene.get("relation")
    if relation in ("right of", "below"):
        objects = objects[::-1]
    out = []
    for o in (objects + [{}])[:2]:
        out += [index(draw.SHAPES, o.get("shape")), index(draw.COLOR_NAMES, o.get("color")), index(draw.SIZES, o.get("size"))]
    axis = None if relation is None else ["across", "down"][relation in ("above", "below")]
    return out + [index(draw.PLACES, objects[0].get("place")), index(["across", "down"], axis), index(draw.COLOR_NAMES, scene["background"])]


LABEL_SIZES = [9, 12, 3, 9, 12, 3, 10, 3, 12]


class CaptionBatches(torch.utils.data.Dataset):
    def __init__(self, first, steps, batch):
        self.first, self.steps, self.batch, self.tokenizer = first, steps, batch, Tokenizer(os.path.join(HERE, "merges.txt"))

    def __len__(self):
        return self.steps - self.first

    def __getitem__(self, i):
        rng = np.random.default_rng([SEED, 3, self.first + i])
        pairs = [draw.training_pair(rng) for _ in range(self.batch)]
        length = PARAMS["text_encoder"]["max_text_length"]
        return torch.tensor([self.tokenizer.padded(t, length) for _, t in pairs]), torch.tensor([labels(s) for s, _ in pairs])


def train_text(steps, batch, peak, every=100):
    """Teaches the text encoder to name what a caption says, so that the diffusion model starts with a useful context.

    The padding rows after the caption each read out one fact: there the whole caption is in view. The linear heads are thrown away.
    """
    text, _ = text_models()
    width = PARAMS["text_encoder"]["width"]
    heads = torch.nn.ModuleList(torch.nn.Linear(width, n) for n in LABEL_SIZES).to(DEVICE)
    params = [*text.parameters(), *heads.parameters()]
    opt = torch.optim.AdamW(params, peak, betas=(0.9, 0.98), weight_decay=1e-2, fused=True)
    start, seen, right = time.time(), [], []
    data = torch.utils.data.DataLoader(CaptionBatches(0, steps, batch), batch_size=None, num_workers=WORKERS, prefetch_factor=8)
    for step, (tokens, wanted) in enumerate(data):
        for g in opt.param_groups:
            g["lr"] = trapezoid(step, steps, 100, peak)
        tokens, wanted = tokens.to(DEVICE), wanted.to(DEVICE)
        with bf16():
            out = text(tokens)
        # any padding row may be asked for any fact, so every one of them carries all of them
        row = torch.randint(28, out.shape[1], (len(LABEL_SIZES),))
        logits = [h(out[:, r].float()) for h, r in zip(heads, row)]
        loss = sum(F.cross_entropy(l, wanted[:, i]) for i, l in enumerate(logits))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        opt.step(); opt.zero_grad()
        seen.append(loss.item())
        right.append(torch.stack([l.argmax(1) == wanted[:, i] for i, l in enumerate(logits)]).float().mean(1).cpu().numpy())
        if (step + 1) % every == 0 or step + 1 == steps:
            print(f"text {step + 1}/{steps} loss {np.mean(seen):.4f} right {np.mean(right, 0).round(3)} {time.time() - start:.0f} s", flush=True)
            seen, right = [], []
            save("text.pt", text=text.state_dict(), step=step + 1)


# ---------------------------------------------------------------- training set

def training_scene(i):
    return draw.random_scene(np.random.default_rng([SEED, 4, i]))


def make_latents(count, batch=1000):
    """The training set as latents. Drawn at half size with blocks of four: the same means for a quarter of the work."""
    out = []
    for first in range(0, count, batch):
        out.append(latents_of(to_tensor([draw.draw(training_scene(i), 64) for i in range(first, first + batch)]), 4).half())
    z = torch.cat(out)
    print("mean", z.float().mean((0, 2, 3)), "deviation", z.float().std((0, 2, 3)))
    save("latents.pt", z=z)


# ---------------------------------------------------------------- diffusion model

class DiffusionBatches(torch.utils.data.Dataset):
    """Numbers of pictures and tokens of fresh captions for them; one prompt in ten is empty."""
    def __init__(self, first, steps, rank, ranks, batch, count):
        self.first, self.steps, self.rank, self.ranks, self.batch, self.count = first, steps, rank, ranks, batch, count
        self.tokenizer, self.epoch, self.order = Tokenizer(os.path.join(HERE, "merges.txt")), None, None

    def __len__(self):
        return self.steps - self.first

    def chosen(self, step):
        whole = self.batch * self.ranks
        epoch, at = divmod(step * whole, self.count - self.count % whole)
        if self.epoch != epoch:
            self.epoch, self.order = epoch, np.random.default_rng([SEED, 6, epoch]).permutation(self.count)
        return self.order[at + self.rank * self.batch:at + (self.rank + 1) * self.batch]

    def __getitem__(self, i):
        step, tokens = self.first + i, []
        rng = np.random.default_rng([SEED, 5, step, self.rank])
        chosen = self.chosen(step)
        for number in chosen:
            scene, text = training_scene(int(number)), ""
            if rng.random() > 0.1:
                text = draw.caption(rng, scene)
                while draw.held_out(text):
                    text = draw.caption(rng, scene)
            tokens.append(self.tokenizer.padded(text, PARAMS["text_encoder"]["max_text_length"]))
        return torch.from_numpy(chosen), torch.tensor(tokens)


def diffusion_loss(text, unet, z, tokens, rng, signal):
    """Error of the predicted noise, weighted so that steps with little noise left do not dominate (min-SNR, 5)."""
    b = len(z)
    t = ((torch.arange(b) + torch.rand(b, generator=rng)) * (1000 / b)).long().clamp(max=999)
    t = t[torch.randperm(b, generator=rng)]
    a = signal[t][:, None, None, None].to(z.device)
    # a common offset per channel keeps the model from reading the background off the noise instead of the text
    noise = torch.randn(z.shape, generator=rng) + 0.1 * torch.randn(b, 4, 1, 1, generator=rng)
    noise = noise.to(z.device)
    x = (a.sqrt() * z + (1 - a).sqrt() * noise).contiguous(memory_format=torch.channels_last)
    with bf16():
        e = unet(x, models.timestep_embedding(t, PARAMS["diffusion_model"]["time_in"]).to(z.device), text(tokens))
    snr = a.flatten() / (1 - a.flatten())
    error = ((e.float() - noise) ** 2).mean((1, 2, 3))
    return (error * snr.clamp(max=5) / snr).mean(), error.mean().item()


def train_diffusion(rank, ranks, steps, batch, peak, compiled, every=25):
    """Trains both from the warmed-up text encoder and the stored latents."""
    join(rank, ranks)
    text, unet = text_models()
    text.load_state_dict(load("text.pt")["text"])
    params = [*text.parameters(), *unet.parameters()]
    opt = Muon([(text.parameters(), 0.25), (unet.parameters(), 1.0)])
    state, first = load("diffusion.pt"), 0
    if state:
        text.load_state_dict(state["text"]); unet.load_state_dict(state["unet"])
        if "opt" in state:
            opt.load_state_dict(state["opt"])
        first = state["step"]
    average = Average([text, unet], 0.999, state and state["average"])
    count, signal = len(load("latents.pt")["z"]), models.alphas_cumprod()
    data = torch.utils.data.DataLoader(DiffusionBatches(first, steps, rank, ranks, batch, count), batch_size=None,
                                       num_workers=0 if DEVICE == "cpu" else WORKERS)
    latents = load("latents.pt")["z"]
    call = torch.compile(unet) if compiled else unet
    start, seen = time.time(), []
    for step, (chosen, tokens) in enumerate(data, first):
        rng = torch.Generator().manual_seed((SEED * 7 + step) * ranks + rank)
        loss, error = diffusion_loss(text, call, latents[chosen.to(DEVICE)].float(), tokens.to(DEVICE), rng, signal)
        loss.backward()
        share_gradients(params, ranks)
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        opt.step(trapezoid(step, steps, 100, peak)); opt.zero_grad()
        if rank == 0:
            average.update()
            seen.append((loss.item(), error))
            if (step + 1) % every == 0 or step + 1 == steps:
                print(f"diffusion {step + 1}/{steps} loss {np.mean(seen, 0).round(4)} {time.time() - start:.0f} s", flush=True)
                seen = []
                save("diffusion.pt", text=text.state_dict(), unet=unet.state_dict(), opt=opt.state_dict(), average=average.state(), step=step + 1)
    wait_for_all(ranks)


# ---------------------------------------------------------------- export

def text_models():
    torch.manual_seed(SEED + 1)
    text = models.TextEncoder(**PARAMS["text_encoder"]).to(DEVICE)
    unet = models.DiffusionModel(**PARAMS["diffusion_model"]).to(DEVICE, memory_format=torch.channels_last)
    return text, unet


def restore():
    """Makes checkpoints of weights.safetensors, to train on where the checkpoints are lost. The optimizer starts anew."""
    parts = {}
    for name, w in load_file(os.path.join(HERE, "weights.safetensors")).items():
        model, path = name.split("/", 1)
        parts.setdefault(model, {})[path] = w
    enc, dec = image_models()
    text, unet = text_models()
    for name, m in {"image_encoder": enc, "decoder": dec, "text_encoder": text, "diffusion_model": unet}.items():
        models.load_keras_weights(m, parts[name])
    save("decoder.pt", model=dec.state_dict(), average=Average([dec], 0).state(), step=0)
    save("text.pt", text=text.state_dict(), step=0)
    save("diffusion.pt", text=text.state_dict(), unet=unet.state_dict(), average=Average([text, unet], 0).state(), step=0)


def averaged(modules, state):
    """The modules with their averaged weights, where a checkpoint has them."""
    if state:
        Average(modules, 0, state["average"]).swap()
    return modules


def trained_models():
    enc, dec = image_models()
    build_encoder(enc)
    averaged([dec], load("decoder.pt"))
    text, unet = text_models()
    averaged([text, unet], load("diffusion.pt"))
    return {"image_encoder": enc, "decoder": dec, "text_encoder": text, "diffusion_model": unet}


def export():
    tensors = {}
    for name, m in trained_models().items():
        for path, w in models.keras_weights(m).items():
            tensors[f"{name}/{path}"] = w.detach().half().cpu().contiguous()
    save_file(tensors, os.path.join(HERE, "weights.safetensors"))
    print(len(tensors), "tensors,", sum(t.numel() for t in tensors.values()), "parameters")


def spawn(train, args, *rest):
    """One process per thread, or this process alone."""
    if args.threads == 1:
        train(0, 1, *rest)
    else:
        torch.multiprocessing.spawn(train, (args.threads, *rest), args.threads)


STAGES = {
    "data": lambda a: make_data(),
    "latents": lambda a: make_latents(a.steps or 60000),
    "decoder": lambda a: spawn(train_decoder, a, a.steps or 3700, 64 // a.threads, 2e-3),
    "text": lambda a: train_text(a.steps or 1200, 128, 1e-3),
    "diffusion": lambda a: spawn(train_diffusion, a, a.steps or 37000, a.batch // a.threads, 2e-3, a.compile),
    "restore": lambda a: restore(),
    "export": lambda a: export(),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64, help="pictures per step of the diffusion model")
    parser.add_argument("--compile", action="store_true", help="compile the diffusion model (faster, minutes to start)")
    args = parser.parse_args()
    args.threads = args.threads if DEVICE == "cpu" else 1
    torch.set_num_threads(args.threads)
    STAGES[args.stage](args)
