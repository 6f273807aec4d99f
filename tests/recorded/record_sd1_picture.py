#!/usr/bin/env python3
"""Writes data/sd1-picture.txt: the latents that diffusers' StableDiffusionPipeline ends with, for tests/data/narrow-sd1.json with synthetic:5 in a folder
of the form of Stable Diffusion 1.5's.

    python3 tests/recorded/record_sd1_picture.py build/latentc        needs torch, diffusers, transformers

A line a picture: the sampler, its size, the number of steps, then the latent (4, height / 8, width / 8) after the loop, in the order of memory.
"""
import os
import sys
import tempfile
import warnings

import diffusers
import torch

import record_init_img

CASES = [("pndm", (64, 64), 4), ("pndm", (104, 72), 7), ("ddim", (64, 64), 5), ("euler", (64, 64), 5)]
CLASSES = {"ddim": diffusers.DDIMScheduler, "euler": diffusers.EulerDiscreteScheduler}


def main():
    warnings.filterwarnings("ignore")
    torch.set_grad_enabled(False)
    with tempfile.TemporaryDirectory() as at:
        folder = record_init_img.folder(sys.argv[1], at, "narrow-sd1.json", "sd1")
        pipeline = diffusers.StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    config = pipeline.scheduler.config
    with open(os.path.join(record_init_img.TESTS, "data", "sd1-picture.txt"), "w", encoding="utf-8") as out:
        out.write(f"# diffusers {diffusers.__version__}, PyTorch {torch.__version__}; see recorded/record_sd1_picture.py\n")
        for sampler, (width, height), steps in CASES:
            pipeline.scheduler = CLASSES[sampler].from_config(config) if sampler in CLASSES else diffusers.PNDMScheduler.from_config(config)
            latent = pipeline("a red circle", negative_prompt="blurry", width=width, height=height, num_inference_steps=steps, guidance_scale=4.0,
                              output_type="latent", generator=torch.Generator("cpu").manual_seed(7)).images[0]
            out.write(f"{sampler} {width}x{height} {steps} " + " ".join("%.7g" % v for v in latent.flatten().tolist()) + "\n")


if __name__ == "__main__":
    main()
