#!/usr/bin/env python3
"""Writes TAESD as others publish it, without them: its authors' two files, and an AutoencoderTiny folder of diffusers.

    taesd_files.py OWN.safetensors OUT

OWN: tiny_decoder/... and tiny_image_encoder/... in latentc's own form, f32, 64 channels. OUT becomes a folder with taesd_decoder.safetensors,
taesd_encoder.safetensors, other/ (Stable Diffusion 3's: 16 latent channels), and tiny/ (config.json and a file). Layers are counted here, not by
latentc's rules: the decoder's are clamp, conv, relu, three times (three blocks, upsample, conv), a block, conv; the encoder's conv, a block,
three times (conv, three blocks), conv. diffusers does not count the clamp."""
import array
import json
import os
import struct
import sys

from own_weights import read_safetensors, to_torch

own, out = sys.argv[1:3]


def write_safetensors(path, tensors):
    header, at = {}, 0
    for name, (shape, values) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + 4 * len(values)]}
        at += 4 * len(values)
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for _, values in tensors.values():
            f.write(values.tobytes())


def blocks(level, first, n):
    return [(f"{level}.block.{i}", first + i) for i in range(n)]


def layers(model):
    """Pairs of a path and the number of its layer."""
    if model == "tiny_decoder":
        found, at = [("conv_in", 1)], 3
        for level in range(3):
            found += [*blocks(f"up.{level}", at, 3), (f"up.{level}.conv", at + 4)]
            at += 5
        return [*found, ("up.3.block.0", at), ("conv_out", at + 1)]
    found, at = [("conv_in", 0), ("down.0.block.0", 1)], 2
    for level in range(1, 4):
        found += [(f"down.{level}.conv", at), *blocks(f"down.{level}", at + 1, 3)]
        at += 4
    return [*found, ("conv_out", at)]


def named(weights, model, minus):
    tensors = {}
    for path, number in layers(model):
        for part in ([f".conv.{i}" for i in range(3)] if ".block." in path else [""]):
            for leaf, theirs in (("kernel", "weight"), ("bias", "bias")):
                w = weights.pop(f"{model}/{path}{part}.{leaf}", None)
                if w:
                    name = f"{number - minus}{'.conv.' + str(2 * int(part[-1])) if part else ''}.{theirs}"
                    tensors[name] = to_torch(*w) if leaf == "kernel" else w
    return tensors


def main():
    os.makedirs(os.path.join(out, "tiny"))
    os.makedirs(os.path.join(out, "other"))
    weights = {k: v for k, v in read_safetensors(own).items() if k.startswith("tiny_")}
    both = {}
    for model, prefix, minus in (("tiny_decoder", "decoder", 1), ("tiny_image_encoder", "encoder", 0)):
        plain = named(dict(weights), model, 0)
        write_safetensors(os.path.join(out, f"taesd_{prefix}.safetensors"), plain)
        first = "1.weight" if prefix == "decoder" else "0.weight"
        assert plain[first][0][0] == 64
        both.update({f"{prefix}.layers.{k}": v for k, v in named(weights, model, minus).items()})
        if prefix == "decoder":
            wide = {**plain, first: ([64, 16, 3, 3], array.array("f", bytes(4 * 64 * 16 * 9)))}
            write_safetensors(os.path.join(out, "other", "taesd_decoder.safetensors"), wide)
    assert not weights, weights.keys()
    write_safetensors(os.path.join(out, "tiny", "diffusion_pytorch_model.safetensors"), both)
    config = {"_class_name": "AutoencoderTiny", "act_fn": "relu", "decoder_block_out_channels": [64] * 4, "encoder_block_out_channels": [64] * 4,
              "num_decoder_blocks": [3, 3, 3, 1], "num_encoder_blocks": [1, 3, 3, 3], "latent_channels": 4, "latent_magnitude": 3,
              "latent_shift": 0.5, "scaling_factor": 1.0, "upsample_fn": "nearest", "upsampling_scaling_factor": 2}
    with open(os.path.join(out, "tiny", "config.json"), "w", encoding="utf-8") as f:
        json.dump(config, f, indent=2)


main()
