#!/usr/bin/env python3
"""Writes data/few-steps.txt: the latents that diffusers' StableDiffusionPipeline ends with, without guidance, for tests/data/narrow.json with synthetic:5 in
a folder of SD-Turbo's form (data/sd-turbo-scheduler.json), and in one with LCMScheduler.

    python3 tests/recorded/record_few_steps.py build/latentc        needs torch, diffusers, transformers

A line a picture: the form, its size, the number of steps, then the latent (4, height / 8, width / 8) after the loop, in the order of memory.
"""
import json
import os
import sys
import tempfile
import warnings

import diffusers
import torch

import record_init_img

CASES = [(form, size, steps) for form in ("sd-turbo", "lcm") for size, steps in (((64, 64), 1), ((64, 64), 2), ((64, 64), 4), ((104, 72), 1), ((104, 72), 3))]


def schedulers():
    with open(os.path.join(record_init_img.TESTS, "data", "sd-turbo-scheduler.json"), encoding="utf-8") as file:
        config = json.load(file)
    lcm = {**config, "_class_name": "LCMScheduler", "timestep_spacing": "leading"}
    return {"sd-turbo": diffusers.EulerDiscreteScheduler.from_config(config), "lcm": diffusers.LCMScheduler.from_config(lcm)}


def main():
    warnings.filterwarnings("ignore")
    torch.set_grad_enabled(False)
    with tempfile.TemporaryDirectory() as at:
        pipeline = diffusers.StableDiffusionPipeline.from_pretrained(record_init_img.folder(sys.argv[1], at), safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    kinds = schedulers()
    with open(os.path.join(record_init_img.TESTS, "data", "few-steps.txt"), "w", encoding="utf-8") as out:
        out.write(f"# diffusers {diffusers.__version__}, PyTorch {torch.__version__}; see recorded/record_few_steps.py\n")
        for form, (width, height), steps in CASES:
            pipeline.scheduler = kinds[form]
            latent = pipeline("a red circle", width=width, height=height, num_inference_steps=steps, guidance_scale=0.0, output_type="latent",
                              generator=torch.Generator("cpu").manual_seed(7)).images[0]
            out.write(f"{form} {width}x{height} {steps} " + " ".join("%.7g" % v for v in latent.flatten().tolist()) + "\n")


if __name__ == "__main__":
    main()
