#!/usr/bin/env python3
"""Writes data/lcm-guidance.txt: the latents that diffusers' pipelines end with for an LCM whose U-Net takes the guidance scale as an input
(time_cond_proj_dim 256): tests/data/narrow.json and narrow-sd1.json with guidance_in 256 and synthetic:5. And data/guidance-embedding.txt: the embeddings
of some scales.

    python3 tests/recorded/record_lcm_guidance.py build/latentc        needs torch, diffusers, transformers, pillow

A line a picture: sd2 or sd1, text or picture (what it starts from), the number of steps, the guidance scale, then the latent (4, 8, 8) after
the loop, in the order of memory. StableDiffusionPipeline and LatentConsistencyModelPipeline must end with the same one. A line an embedding: scale, width,
then the numbers.
"""
import os
import subprocess
import sys
import tempfile
import warnings

import diffusers
import torch

from record_init_img import TESTS, rectangle

SIZE = (64, 64)
CASES = [("sd2", "text", steps, scale) for steps in (1, 2, 4) for scale in (1, 7.5, 8.5)] + [
    ("sd2", "text", 3, 0.5), ("sd2", "picture", 4, 8.5), ("sd1", "text", 1, 1), ("sd1", "text", 4, 8.5)]
EMBEDDINGS = [(0, 256), (1, 256), (7.5, 256), (8.5, 256), (12, 128), (8, 33)]


def folder(latentc, at, form):
    own, out, narrow = (os.path.join(at, form + name) for name in (".safetensors", "", ".json"))
    with open(os.path.join(TESTS, "data", "narrow-sd1.json" if form == "sd1" else "narrow.json"), encoding="utf-8") as file, open(narrow, "w", encoding="utf-8") as to:
        to.write(file.read().replace("../..", os.path.dirname(TESTS)).replace('"time_in"', '"guidance_in": 256, "time_in"'))
    subprocess.run([latentc, "weights", "convert", "synthetic:5", narrow, "--to", "latentc", "-o", own], check=True)
    subprocess.run([sys.executable, os.path.join(TESTS, "tools", "write_checkpoint.py"), own, "diffusers", out] + ["sd1"] * (form == "sd1"), check=True)
    return out


def pipelines(at):
    first = diffusers.StableDiffusionPipeline.from_pretrained(at, safety_checker=None)
    assert isinstance(first.scheduler, diffusers.LCMScheduler)
    kinds = {"text": [first, diffusers.LatentConsistencyModelPipeline(**first.components, requires_safety_checker=False)],
             "picture": [diffusers.StableDiffusionImg2ImgPipeline(**first.components, requires_safety_checker=False)]}
    for pipeline in kinds["text"] + kinds["picture"]:
        pipeline.set_progress_bar_config(disable=True)
    return kinds


def main():
    warnings.filterwarnings("ignore")
    torch.set_grad_enabled(False)
    with tempfile.TemporaryDirectory() as at:
        of = {form: pipelines(folder(sys.argv[1], at, form)) for form in ("sd2", "sd1")}
    about = f"# diffusers {diffusers.__version__}, PyTorch {torch.__version__}; see recorded/record_lcm_guidance.py\n"
    with open(os.path.join(TESTS, "data", "lcm-guidance.txt"), "w", encoding="utf-8") as out:
        out.write(about)
        for form, start, steps, scale in CASES:
            more = {"width": SIZE[0], "height": SIZE[1]} if start == "text" else {
                "image": rectangle(SIZE, (35, 80, 220), (220, 30, 30), 20, 20, 44, 44), "strength": 0.75}
            latents = [p("a red circle", num_inference_steps=steps, guidance_scale=scale, output_type="latent",
                         generator=torch.Generator("cpu").manual_seed(7), **more).images[0] for p in of[form][start]]
            assert all(torch.equal(latents[0], x) for x in latents)
            out.write(f"{form} {start} {steps} {scale:g} " + " ".join("%.7g" % v for v in latents[0].flatten().tolist()) + "\n")
    with open(os.path.join(TESTS, "data", "guidance-embedding.txt"), "w", encoding="utf-8") as out:
        out.write(about)
        for scale, width in EMBEDDINGS:
            x = of["sd2"]["text"][0].get_guidance_scale_embedding(torch.tensor(scale - 1.0).repeat(1), width)[0]
            out.write(f"{scale:g} {width} " + " ".join("%.9g" % v for v in x.tolist()) + "\n")


if __name__ == "__main__":
    main()
