#!/usr/bin/env python3
"""Writes data/init-img.txt: the latents that diffusers' image-to-image and inpainting pipelines end with, for tests/data/narrow.json with synthetic:5.

    python3 tests/recorded/record_init_img.py build/latentc        needs torch, diffusers, transformers, pillow

A line a picture: what it starts from, sampler, strength, then the latent (4, 8, 8) after the loop, in the order of memory.
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
CASES = [("picture", s, 0.7) for s in CLASSES] + [("mask", s, 0.7) for s in CLASSES] + [
    ("picture", "plms", 0.9), ("mask", "euler", 1.0), ("mask", "plms", 1.0)]


def rectangle(ground, colour, left, top, right, bottom):
    """As tools/picture_make draws."""
    a = np.full((64, 64, 3), ground, np.uint8)
    a[top:bottom, left:right] = colour
    return Image.fromarray(a)


def folder(latentc, at):
    own, out = os.path.join(at, "own.safetensors"), os.path.join(at, "folder")
    subprocess.run([latentc, "weights", "convert", "synthetic:5", os.path.join(TESTS, "data", "narrow.json"), "--to", "latentc", "-o", own], check=True)
    subprocess.run([sys.executable, os.path.join(TESTS, "tools", "write_checkpoint.py"), own, "diffusers", out], check=True)
    return out


def main():
    warnings.filterwarnings("ignore")
    torch.set_grad_enabled(False)
    with tempfile.TemporaryDirectory() as at:
        text = diffusers.StableDiffusionPipeline.from_pretrained(folder(sys.argv[1], at), safety_checker=None)
    kinds = {"picture": diffusers.StableDiffusionImg2ImgPipeline, "mask": diffusers.StableDiffusionInpaintPipeline}
    picture = rectangle((35, 80, 220), (220, 30, 30), 20, 20, 44, 44)
    mask = {"mask_image": rectangle((0, 0, 0), (255, 255, 255), 27, 0, 64, 50), "height": 64, "width": 64}
    config = text.scheduler.config
    with open(os.path.join(TESTS, "data", "init-img.txt"), "w", encoding="utf-8") as out:
        out.write(f"# diffusers {diffusers.__version__}, PyTorch {torch.__version__}; see recorded/record_init_img.py\n")
        for start, sampler, strength in CASES:
            name, more = CLASSES[sampler]
            text.scheduler = getattr(diffusers, name + "Scheduler").from_config(config, **more)
            pipeline = kinds[start](**text.components, requires_safety_checker=False)
            pipeline.set_progress_bar_config(disable=True)
            latent = pipeline("a red circle", negative_prompt="blurry", image=picture, strength=strength, num_inference_steps=8, guidance_scale=4.0,
                              generator=torch.Generator("cpu").manual_seed(7), output_type="latent", **(mask if start == "mask" else {})).images[0]
            out.write(f"{start} {sampler} {strength:g} " + " ".join("%.6g" % v for v in latent.flatten().tolist()) + "\n")


if __name__ == "__main__":
    main()
