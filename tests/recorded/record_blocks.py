#!/usr/bin/env python3
"""Records inputs and weights of the blocks whose outputs the tests of diffusers publish (tests/models/test_layers_utils.py and
tests/models/unets/test_unet_2d_blocks.py): both are draws of torch's generator with seed 0, inputs first, then the modules in the
order of their construction. Needs torch and diffusers; run once, the files are kept.

  record_blocks.py FOLDER      writes FOLDER/<block>.safetensors: the inputs, NHWC, by name; and the weights, in Keras' layout, by
                               block and the paths of tests/graphs/<block>.json. Fails when torch's own result is not the published one.
"""
import os
import sys

import torch
from diffusers.models.downsampling import Downsample2D
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from diffusers.models.unets.unet_2d_blocks import UNetMidBlock2DCrossAttn
from diffusers.models.upsampling import Upsample2D
from safetensors.numpy import save_file

torch.set_grad_enabled(False)

RES = {"norm1": "entry.norm", "conv1": "entry.conv", "time_emb_proj": "emb.dense", "norm2": "exit.norm", "conv2": "exit.conv"}
TRANSFORMER = {
    "norm": "norm", "proj_in": "proj1", "proj_out": "proj2",
    **{f"transformer_blocks.0.norm{i}": f"block.norm{i}" for i in (1, 2, 3)},
    **{f"transformer_blocks.0.attn{i}.to_{x}": f"block.attn{i}.to_{x}" for i in (1, 2) for x in "qkv"},
    **{f"transformer_blocks.0.attn{i}.to_out.0": f"block.attn{i}.out_proj" for i in (1, 2)},
    "transformer_blocks.0.ff.net.0.proj": "block.geglu.dense", "transformer_blocks.0.ff.net.2": "block.dense",
}
MID = {
    **{f"resnets.{i}.{a}": f"res.{i}.{b}" for i in (0, 1) for a, b in RES.items()},
    **{f"attentions.0.{a}": f"attn.{b}" for a, b in TRANSFORMER.items()},
}


def nhwc(x):
    return (x.permute(0, 2, 3, 1) if x.dim() == 4 else x).contiguous().numpy()


def keras(name, x):
    """The last component of the path, and the tensor in Keras' layout."""
    if name.endswith(".bias"):
        return "bias", x
    if x.dim() == 4:
        return "kernel", x.permute(2, 3, 1, 0)
    return ("kernel", x.t()) if x.dim() == 2 else ("gamma", x)


def block(name, inputs, make, names, expected, tolerance):
    torch.manual_seed(0)
    x = {k: torch.randn(*s) for k, s in inputs.items()}
    module = make().eval()
    y = module(*x.values())
    y = getattr(y, "sample", y)
    got = y[0, -1, -3:, -3:].flatten()
    assert torch.allclose(got, torch.tensor(expected), atol=tolerance), (name, got)
    keep = {k: nhwc(v) for k, v in x.items()}
    for full, w in module.state_dict().items():
        owner = full.rsplit(".", 1)[0]
        leaf, w = keras(full, w)
        if leaf == "bias" and "norm" in owner.rsplit(".", 1)[-1]:
            leaf = "beta"
        keep[f"{name}/{names[owner]}.{leaf}"] = w.contiguous().numpy()
    save_file(keep, os.path.join(sys.argv[1], name + ".safetensors"))
    print(name, sum(v.nbytes for v in keep.values()), "bytes")


def mid():
    return UNetMidBlock2DCrossAttn(in_channels=32, temb_channels=128, cross_attention_dim=32)


def transformer():
    return Transformer2DModel(in_channels=32, num_attention_heads=1, attention_head_dim=32, dropout=0.0, cross_attention_dim=None)


block("upsample", {"x": (1, 32, 32, 32)}, lambda: Upsample2D(channels=32, use_conv=True), {"conv": "conv"},
      [0.7145, 1.3773, 0.3492, 0.8448, 1.0839, -0.3341, 0.5956, 0.125, -0.4841], 1e-3)
block("downsample", {"x": (1, 32, 64, 64)}, lambda: Downsample2D(channels=32, use_conv=True), {"conv": "conv", "Conv2d_0": "conv"},
      [0.9267, 0.5878, 0.3337, 1.2321, -0.1191, -0.3984, -0.7532, -0.0715, -0.3913], 1e-3)
block("resnet", {"x": (1, 32, 64, 64), "time": (1, 128)}, lambda: ResnetBlock2D(in_channels=32, temb_channels=128), RES,
      [-1.901, -0.2974, -0.8245, -1.3533, 0.8742, -0.9645, -2.0584, 1.3387, -0.4746], 1e-3)
block("transformer", {"x": (1, 32, 64, 64)}, transformer, TRANSFORMER,
      [-1.9455, -0.0066, -1.3933, -1.5878, 0.5325, -0.6486, -1.8648, 0.7515, -0.9689], 1e-3)
block("mid", {"x": (4, 32, 32, 32), "time": (4, 128)}, mid, MID,
      [0.0187, 2.422, 0.4484, 1.1203, -0.6121, -1.5122, -0.827, 0.7851, 1.8335], 5e-3)
