#!/usr/bin/env python3
"""Writes data/init-img.txt: the latents that diffusers' image-to-image and inpainting pipelines end with, for tests/data/narrow.json with synthetic:5.

    python3 tests/recorded/record_init_img.py build/latentc        needs torch, diffusers, transformers, pillow

A line a picture: what it starts from, its size, sampler, strength, then the latent (4, height / 8, width / 8) after the loop, in the order of memory.
"""
import os
import subprocess
import sys
import tempfile
import warnings

import diffusers
import numpy as np
import torch
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
CLASSES = {"ddim": ("DDIM", {}), "euler": ("EulerDiscrete", {}), "dpm++2m": ("DPMSolverMultistep", {}), "plms": ("PNDM", {"skip_prk_steps": True}),
           "euler_a": ("EulerAncestralDiscrete", {}), "heun": ("HeunDiscrete", {})}
SQUARE, ODD = (64, 64), (72, 104)
CASES = [("picture", SQUARE, s, 0.7) for s in CLASSES] + [("mask", SQUARE, s, 0.7) for s in CLASSES] + [
    ("picture", SQUARE, "plms", 0.9), ("mask", SQUARE, "euler", 1.0), ("mask", SQUARE, "plms", 1.0), ("picture", ODD, "euler", 0.7),
    ("mask", ODD, "ddim", 0.7)]


def rectangle(size, ground, colour, left, top, right, bottom):
    """As tools/picture_make draws."""
    a = np.full((size[1], size[0], 3), ground, np.uint8)
    a[top:bottom, left:right] = colour
    return Image.fromarray(a)


def folder(latentc, at, model="narrow.json", *options):
    own, out = os.path.join(at, "own.safetensors"), os.path.join(at, "folder")
    subprocess.run([latentc, "weights", "convert", "synthetic:5", os.path.join(TESTS, "data", model), "--to", "latentc", "-o", own], check=True)
    subprocess.run([sys.executable, os.path.join(TESTS, "tools", "write_checkpoint.py"), own, "diffusers", out, *options], check=True)
    return out


def main():
    warnings.filterwarnings("ignore")
    torch.set_grad_enabled(False)
    with tempfile.TemporaryDirectory() as at:
        text = diffusers.StableDiffusionPipeline.from_pretrained(folder(sys.argv[1], at), safety_checker=None)
    kinds = {"picture": diffusers.StableDiffusionImg2ImgPipeline, "mask": diffusers.StableDiffusionInpaintPipeline}
    config = text.scheduler.config
    with open(os.path.join(TESTS, "data", "init-img.txt"), "w", encoding="utf-8") as out:
        out.write(f"# diffusers {diffusers.__version__}, PyTorch {torch.__version__}; see recorded/record_init_img.py\n")
        for start, size, sampler, strength in CASES:
            name, more = CLASSES[sampler]
            text.scheduler = getattr(diffusers, name + "Scheduler").from_config(config, **more)
            pipeline = kinds[start](**text.components, requires_safety_checker=False)
            pipeline.set_progress_bar_config(disable=True)
            picture = rectangle(size, (35, 80, 220), (220, 30, 30), 20, 20, 44, 44)
            mask = {"mask_image": rectangle(size, (0, 0, 0), (255, 255, 255), 27, 0, 64, 50), "width": size[0], "height": size[1]}
            latent = pipeline("a red circle", negative_prompt="blurry", image=picture, strength=strength, num_inference_steps=8, guidance_scale=4.0,
                              generator=torch.Generator("cpu").manual_seed(7), output_type="latent", **(mask if start == "mask" else {})).images[0]
            out.write(f"{start} {size[0]}x{size[1]} {sampler} {strength:g} " + " ".join("%.6g" % v for v in latent.flatten().tolist()) + "\n")


if __name__ == "__main__":
    main()
