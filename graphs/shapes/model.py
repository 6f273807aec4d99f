"""The four models in PyTorch, as keras-cv's Stable Diffusion V2 builds them, narrow by parameters.

Modules are named by the weights' Keras paths, so `keras_weights` only has to transpose.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

EPS = 1e-5


class Conv(nn.Module):
    def __init__(self, cin, cout, size=3, stride=1, zero=False):
        super().__init__()
        bound = 1 / math.sqrt(cin * size * size)
        self.kernel = nn.Parameter(torch.empty(cout, cin, size, size).uniform_(-bound, bound) * (0 if zero else math.sqrt(2)))
        self.bias = nn.Parameter(torch.zeros(cout))
        self.stride, self.pad = stride, size // 2

    def forward(self, x):
        return F.conv2d(x, self.kernel, self.bias, self.stride, self.pad)


class DownConv(Conv):
    """The image encoder's stride-2 convolution: padded below and on the right only."""
    def forward(self, x):
        return F.conv2d(F.pad(x, (0, 1, 0, 1)), self.kernel, self.bias, 2)


class Dense(nn.Module):
    def __init__(self, cin, cout, bias=True, zero=False):
        super().__init__()
        bound = 1 / math.sqrt(cin)
        self.kernel = nn.Parameter(torch.empty(cout, cin).uniform_(-bound, bound) * (0 if zero else math.sqrt(2)))
        self.bias = nn.Parameter(torch.zeros(cout)) if bias else None

    def forward(self, x):
        return F.linear(x, self.kernel, self.bias)


class GroupNorm(nn.Module):
    def __init__(self, channels, groups):
        super().__init__()
        self.gamma, self.beta, self.groups = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels)), groups

    def forward(self, x):
        return F.group_norm(x.float(), self.groups, self.gamma, self.beta, EPS)


class LayerNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x):
        return F.layer_norm(x, self.gamma.shape, self.gamma, self.beta, EPS)


class Tree(nn.Module):
    """A module built of paths: `add("down.0.conv", layer)`, then `self["down.0.conv"]`."""
    def add(self, path, layer):
        node, *names = self, *path.split(".")
        for n in names[:-1]:
            if n not in node._modules:
                node.add_module(n, Tree())
            node = node._modules[n]
        node.add_module(names[-1], layer)

    def __getitem__(self, path):
        return self.get_submodule(path)


def heads_attention(q, k, v, heads, causal=False):
    # in float32 even where the products around it are bfloat16: PyTorch's backward pass on CPUs is four times slower in bfloat16
    split = lambda t: t.float().unflatten(-1, (heads, -1)).transpose(1, 2)
    with torch.autocast(q.device.type, enabled=False):
        return F.scaled_dot_product_attention(split(q), split(k), split(v), is_causal=causal).transpose(1, 2).flatten(2)


# ---------------------------------------------------------------- image encoder and decoder

class ImageRes(nn.Module):
    def __init__(self, cin, cout, groups):
        super().__init__()
        self.norm1, self.conv1 = GroupNorm(cin, groups), Conv(cin, cout)
        self.norm2, self.conv2 = GroupNorm(cout, groups), Conv(cout, cout)
        self.residual = Conv(cin, cout, 1) if cin != cout else None

    def forward(self, x):
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        return h + (x if self.residual is None else self.residual(x))


class ImageAttention(nn.Module):
    """One head over all positions."""
    def __init__(self, width, groups):
        super().__init__()
        self.norm = GroupNorm(width, groups)
        self.q, self.k, self.v, self.proj_out = (Conv(width, width, 1) for _ in range(4))

    def forward(self, x):
        h = self.norm(x)
        q, k, v = (m(h).flatten(2).transpose(1, 2) for m in (self.q, self.k, self.v))
        h = heads_attention(q, k, v, 1).transpose(1, 2).reshape(x.shape)
        return x + self.proj_out(h)


class Decoder(Tree):
    def __init__(self, widths, blocks, groups, scale, **_):
        super().__init__()
        self.levels, self.blocks, self.scale = len(widths), blocks, scale
        w = widths[-1]
        self.add("post_quant_conv", Conv(4, 4, 1))
        self.add("conv_in", Conv(4, w))
        self.add("mid.res.0", ImageRes(w, w, groups))
        self.add("mid.attn", ImageAttention(w, groups))
        self.add("mid.res.1", ImageRes(w, w, groups))
        for i, level in enumerate(reversed(widths)):
            for j in range(blocks):
                self.add(f"up.{i}.res.{j}", ImageRes(w, level, groups))
                w = level
            if i < len(widths) - 1:
                self.add(f"up.{i}.conv", Conv(w, w))
        self.add("norm_out", GroupNorm(w, groups))
        self.add("conv_out", Conv(w, 3))

    def forward(self, x):
        x = self["conv_in"](self["post_quant_conv"](x / self.scale))
        x = self["mid.res.1"](self["mid.attn"](self["mid.res.0"](x)))
        for i in range(self.levels):
            for j in range(self.blocks):
                x = self[f"up.{i}.res.{j}"](x)
            if i < self.levels - 1:
                x = self[f"up.{i}.conv"](F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return self["conv_out"](F.silu(self["norm_out"](x)))


class ImageEncoder(Tree):
    def __init__(self, widths, blocks, groups, scale, **_):
        super().__init__()
        self.levels, self.blocks, self.scale = len(widths), blocks, scale
        self.add("conv_in", Conv(3, widths[0]))
        w = widths[0]
        for i, level in enumerate(widths):
            for j in range(blocks):
                self.add(f"down.{i}.res.{j}", ImageRes(w, level, groups))
                w = level
            if i < len(widths) - 1:
                self.add(f"down.{i}.conv", DownConv(w, w))
        self.add("mid.res.0", ImageRes(w, w, groups))
        self.add("mid.attn", ImageAttention(w, groups))
        self.add("mid.res.1", ImageRes(w, w, groups))
        self.add("norm_out", GroupNorm(w, groups))
        self.add("conv_out", Conv(w, 8))
        self.add("quant_conv", Conv(8, 8, 1))

    def moments(self, x):
        """Mean and logarithm of the variance, unscaled."""
        x = self["conv_in"](x)
        for i in range(self.levels):
            for j in range(self.blocks):
                x = self[f"down.{i}.res.{j}"](x)
            if i < self.levels - 1:
                x = self[f"down.{i}.conv"](x)
        x = self["mid.res.1"](self["mid.attn"](self["mid.res.0"](x)))
        return self["quant_conv"](self["conv_out"](F.silu(self["norm_out"](x)))).chunk(2, 1)

    def forward(self, x):
        return self.moments(x)[0] * self.scale


# ---------------------------------------------------------------- text encoder

class TextLayer(Tree):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.layer_norm1, self.layer_norm2 = LayerNorm(width), LayerNorm(width)
        for n in ("q_proj", "k_proj", "v_proj", "out_proj"):
            self.add("attn." + n, Dense(width, width))
        self.fc1, self.fc2 = Dense(width, 4 * width), Dense(4 * width, width)

    def forward(self, x):
        h = self.layer_norm1(x)
        a = self.attn
        x = x + a.out_proj(heads_attention(a.q_proj(h), a.k_proj(h), a.v_proj(h), self.heads, causal=True))
        return x + self.fc2(F.gelu(self.fc1(self.layer_norm2(x)), approximate="tanh"))


class Embeddings(nn.Module):
    def __init__(self, rows, width):
        super().__init__()
        self.embeddings = nn.Parameter(torch.randn(rows, width) * 0.1)


class TextEncoder(Tree):
    def __init__(self, vocab_size, width, heads, layers, max_text_length, **_):
        super().__init__()
        self.count = layers
        self.add("embed.token", Embeddings(vocab_size, width))
        self.add("embed.position", Embeddings(max_text_length, width))
        for i in range(layers):
            self.add(f"layers.{i}", TextLayer(width, heads))
        self.add("final_norm", LayerNorm(width))

    def forward(self, tokens):
        x = F.embedding(tokens, self["embed.token"].embeddings) + self["embed.position"].embeddings
        for i in range(self.count):
            x = self[f"layers.{i}"](x)
        return self["final_norm"](x)


# ---------------------------------------------------------------- diffusion model

class ResBlock(Tree):
    def __init__(self, cin, cout, time_width, groups):
        super().__init__()
        self.add("entry.norm", GroupNorm(cin, groups))
        self.add("entry.conv", Conv(cin, cout))
        self.add("emb.dense", Dense(time_width, cout))
        self.add("exit.norm", GroupNorm(cout, groups))
        self.add("exit.conv", Conv(cout, cout, zero=True))
        if cin != cout:
            self.add("residual", Conv(cin, cout, 1))

    def forward(self, x, emb):
        h = self.entry.conv(F.silu(self.entry.norm(x)))
        h = h + self.emb.dense(emb)[:, :, None, None]
        h = self.exit.conv(F.silu(self.exit.norm(h)))
        return h + (self.residual(x) if "residual" in self._modules else x)


class CrossAttention(nn.Module):
    def __init__(self, width, context_width, heads):
        super().__init__()
        self.to_q, self.to_k, self.to_v = Dense(width, width, False), Dense(context_width, width, False), Dense(context_width, width, False)
        self.out_proj, self.heads = Dense(width, width), heads

    def forward(self, x, context):
        return self.out_proj(heads_attention(self.to_q(x), self.to_k(context), self.to_v(context), self.heads))


class SpatialTransformer(Tree):
    def __init__(self, width, context_width, head_size, groups):
        super().__init__()
        heads = width // head_size
        self.norm, self.proj1, self.proj2 = GroupNorm(width, groups), Dense(width, width), Dense(width, width, zero=True)
        for n in ("norm1", "norm2", "norm3"):
            self.add("block." + n, LayerNorm(width))
        self.add("block.attn1", CrossAttention(width, width, heads))
        self.add("block.attn2", CrossAttention(width, context_width, heads))
        self.add("block.geglu.dense", Dense(width, 8 * width))
        self.add("block.dense", Dense(4 * width, width))

    def forward(self, x, context):
        b = self.block
        h = self.proj1(self.norm(x).permute(0, 2, 3, 1).flatten(1, 2))
        n = b.norm1(h)
        h = h + b.attn1(n, n)
        h = h + b.attn2(b.norm2(h), context)
        value, gate = b.geglu.dense(b.norm3(h)).chunk(2, -1)
        h = h + b.dense(value * F.gelu(gate, approximate="tanh"))
        h = self.proj2(h).unflatten(1, x.shape[2:]).permute(0, 3, 1, 2)
        return x + h


class DiffusionModel(Tree):
    def __init__(self, widths, blocks, head_size, groups, context_width, time_in, time_width, **_):
        super().__init__()
        self.levels, self.blocks, self.time_in = len(widths), blocks, time_in
        res = lambda path, cin, cout: self.add(path, ResBlock(cin, cout, time_width, groups))
        attn = lambda path, w: self.add(path, SpatialTransformer(w, context_width, head_size, groups))
        last = self.levels - 1
        self.add("time.dense1", Dense(time_in, time_width))
        self.add("time.dense2", Dense(time_width, time_width))
        w, skips = widths[0], [widths[0]]
        self.add("down.conv_in", Conv(4, w))
        for i, level in enumerate(widths):
            for j in range(blocks):
                res(f"down.{i}.res.{j}", w, level)
                w = level
                if i < last:
                    attn(f"down.{i}.attn.{j}", w)
                skips.append(w)
            if i < last:
                self.add(f"down.{i}.downsample", Conv(w, w, stride=2))
                skips.append(w)
        res("mid.res.0", w, w)
        attn("mid.attn.0", w)
        res("mid.res.1", w, w)
        for i, level in enumerate(reversed(widths)):
            for j in range(blocks + 1):
                res(f"up.{i}.res.{j}", w + skips.pop(), level)
                w = level
                if i > 0:
                    attn(f"up.{i}.attn.{j}", w)
            if i < last:
                self.add(f"up.{i}.upsample.conv", Conv(w, w))
        self.add("out.norm", GroupNorm(w, groups))
        self.add("out.conv", Conv(w, 4, zero=True))

    def forward(self, x, emb, context):
        emb = F.silu(self["time.dense2"](F.silu(self["time.dense1"](emb))))
        last = self.levels - 1
        x = self["down.conv_in"](x)
        skips = [x]
        for i in range(self.levels):
            for j in range(self.blocks):
                x = self[f"down.{i}.res.{j}"](x, emb)
                if i < last:
                    x = self[f"down.{i}.attn.{j}"](x, context)
                skips.append(x)
            if i < last:
                x = self[f"down.{i}.downsample"](x)
                skips.append(x)
        x = self["mid.res.0"](x, emb)
        x = self["mid.attn.0"](x, context)
        x = self["mid.res.1"](x, emb)
        for i in range(self.levels):
            for j in range(self.blocks + 1):
                x = self[f"up.{i}.res.{j}"](torch.cat([x, skips.pop()], 1), emb)
                if i > 0:
                    x = self[f"up.{i}.attn.{j}"](x, context)
            if i < last:
                x = self[f"up.{i}.upsample.conv"](F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return self["out.conv"](F.silu(self["out.norm"](x)))


def timestep_embedding(t, width):
    """Cosines first, then sines."""
    half = width // 2
    f = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / half)
    a = t.float()[:, None] * f[None]
    return torch.cat([torch.cos(a), torch.sin(a)], 1)


def alphas_cumprod():
    beta = torch.linspace(0.00085 ** 0.5, 0.012 ** 0.5, 1000, dtype=torch.float64) ** 2
    return torch.cumprod(1 - beta, 0).float()


def keras_weights(model):
    """{Keras path: array in Keras layout}: convolutions HWIO, dense (in, out)."""
    out = {}
    for name, p in model.state_dict().items():
        if name.endswith(".kernel"):
            p = p.permute(2, 3, 1, 0) if p.dim() == 4 else p.t()
        out[name] = p.contiguous()
    return out


@torch.no_grad()
def load_keras_weights(model, tensors):
    """The way back: from arrays in Keras layout."""
    for name, p in model.state_dict().items():
        w = tensors[name].float()
        if name.endswith(".kernel"):
            w = w.permute(3, 2, 0, 1) if w.dim() == 4 else w.t()
        p.copy_(w)
