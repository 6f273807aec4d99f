#!/usr/bin/env python3
"""From prompt to PNG, start of the process included: a generator made by `latentc build` against the same loop over OpenVINO's compiled models.

    bench/compare/picture.py [--turbo] [--dtype bf16] [--steps 20] [--rounds 3] [--size 512] [--threads N] [--dry-run] [--cache DIR] [--venv DIR] [--output DIR]

Both start from the same tokens and noise, with the weights of `synthetic:1`, and write a PNG; how far the two pictures are apart is printed (PSNR).
Building and exporting happen before. OpenVINO starts from IR files; --ov-cache lets it keep what it compiled, as its cache_dir does. --turbo is a
picture in SD-Turbo's form: one step without guidance, and TAESD's decoder. README.md has the rest; files and environment are those of compare.py."""
import argparse
import os
import statistics
import subprocess
import sys
import time

import catalog
import environment
import turns

STAGES = ("text_encoder", "guided_step", "decoder")
TURBO_STAGES = ("text_encoder", "guided_step", "tiny_decoder")
MORE = 2  # further pictures of one process, with --turbo
PROMPT = "a red circle on a blue background"


def arguments():
    a = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    a.add_argument("--dtype", choices=catalog.DTYPES, default="bf16", help="default %(default)s")
    a.add_argument("--turbo", action="store_true", help="SD-Turbo's form, TAESD, --ov-cache; also times further pictures of one process")
    a.add_argument("--steps", type=int, help="default 20; with --turbo 1")
    a.add_argument("--rounds", type=int, default=3, help="pictures of each, alternating; default %(default)s")
    a.add_argument("--ov-cache", action="store_true", help="OpenVINO keeps compiled models from run to run")
    a.add_argument("--no-build", action="store_true", help="take the generator that an earlier run built")
    environment.add_arguments(a)
    f = environment.parse_arguments(a)
    f.steps = f.steps or (1 if f.turbo else 20)
    f.generator = os.path.join(f.output, f"{'turbo' if f.turbo else 'sd2'}-{f.size}-{f.dtype}")
    f.noise = os.path.join(f.output, f"noise-{f.size}-seed{f.seed}.safetensors")
    return f


def loaded(f):
    """(kind, stage) of the other program's models, in the order of the loop. In int8 the diffusion model is NNCF's, the others are bf16."""
    text, step, decoder = [("openvino-1", stage) for stage in TURBO_STAGES] if f.turbo else [("openvino", stage) for stage in STAGES]
    if f.dtype == "int8":
        step = ("openvino-int8", "half_step" if f.turbo else "guided_step")
    return text, step, decoder


def commands(f):
    """The commands that run before, and the two that alternate."""
    shapes = os.path.join(turns.ROOT, "graphs", "shapes", "merges.txt")  # a vocabulary that is at hand: the models' weights are random numbers
    build = [f.latentc, "build", os.path.join(turns.ROOT, "graphs", "sd2", "pipeline.json"), "--dtype", f.dtype, "--weights", f"synthetic:{f.seed}", "--vocab", shapes,
             "--set", f"img_height={f.size}", "--set", f"img_width={f.size}", "--quiet", "-o", f.generator]
    if f.turbo:
        build += ["--taesd", f"synthetic:{f.seed}", "--no-vae", "--steps", "1", "--cfg-scale", "1", "--sampling-method", "euler"]
    wanted = loaded(f)
    models = [catalog.file_of(kind, stage, f.size, f.seed, f.cache) for kind, stage in wanted]
    before = [[f.python, os.path.join(turns.HERE, "prepare.py"), kind, stage, str(f.size), str(f.seed), f.cache]
              for (kind, stage), model in zip(wanted, models) if not os.path.exists(model)] + ([] if f.no_build else [build])
    peer = [f.python, os.path.join(turns.HERE, "picture_peer.py"), "--noise", f.noise, "--steps", str(f.steps),
            "--dtype", "bf16" if f.dtype == "int8" else f.dtype, "--threads", str(f.threads)]
    if f.turbo:
        peer += ["--turbo"]
    if f.ov_cache or f.turbo:
        peer += ["--compiled", os.path.join(f.cache, "openvino-compiled")]
    ours = [f.generator, "-p", PROMPT, "--steps", str(f.steps), "--latent-in", f.noise, "-t", str(f.threads)]
    return before, [*ours, *(["--spacing", "trailing"] if f.turbo else []), "-o"], [*peer, "--models", *models, "--output"]


def tokens(f):
    """The prompts, as the generator pads them: first the empty one, where there is guidance."""
    out = []
    for prompt in (PROMPT,) if f.turbo else ("", PROMPT):
        done = subprocess.run([f.generator, "-p", prompt, "--print-tokens"], check=True, stdout=subprocess.PIPE, text=True)
        ids = done.stdout.split()
        out.append(",".join(ids + ids[-1:] * (77 - len(ids))))
    return out


def timed(command, png):
    if os.path.exists(png):
        os.remove(png)
    time.sleep(turns.PAUSE)
    start = time.perf_counter()
    subprocess.run([*command, png], check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def alternate(f, label, ours, theirs, ignored=0):
    """Medians of both programs, and of the ratios. Rounds before those that count bring the files into memory. Prints every time."""
    pngs = [os.path.join(f.output, f"{label}-{name}.png") for name in ("latentc", "openvino")]
    runs = []
    for _ in range(ignored + f.rounds):
        runs.append((timed(ours, pngs[0]), timed(theirs, pngs[1])))
        print(f"{label}: latentc {runs[-1][0]:.2f} s, OpenVINO {runs[-1][1]:.2f} s{' (not counted)' if len(runs) <= ignored else ''}", file=sys.stderr, flush=True)
    runs = runs[ignored:]
    return *(statistics.median(r[i] for r in runs) for i in range(2)), statistics.median(b / a for a, b in runs), pngs


def further_picture(f, ours, theirs, first):
    """What a picture takes in a process that has drawn one; first: the medians of processes with one. Several pictures are of seeds, not of one noise file."""
    at = ours.index("--latent-in")
    ours = ours[:at] + ours[at + 2:]
    *several, _, _ = alternate(f, f"{1 + MORE} pictures", [*ours[:-1], "-b", str(1 + MORE), "-o"], [*theirs[:-1], "--count", str(1 + MORE), "--output"])
    a, b = ((s - one) / MORE for s, one in zip(several, first))
    print(f"every further picture of one process: latentc {a:.2f} s, OpenVINO {b:.2f} s: {b / a:.2f} times faster")


def main():
    f = arguments()
    before, ours, theirs = commands(f)
    if f.dry_run:
        for command in (*before, ours, theirs):
            print(" ".join(command))
        return
    environment.ensure(f.venv, f.torch_index)
    os.makedirs(f.output, exist_ok=True)
    for command in before:
        subprocess.run(command, check=True)
    subprocess.run([f.python, os.path.join(turns.HERE, "picture_peer.py"), "--write-noise", f.noise, str(f.size), str(f.seed)], check=True)
    theirs = [*theirs[:-1], "--tokens", *tokens(f), "--output"]
    a, b, ratio, pngs = alternate(f, "picture", ours, theirs, 1)
    psnr = subprocess.run([f.python, os.path.join(turns.HERE, "picture_peer.py"), "--psnr", *pngs], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    print(f"{f.steps} steps, {f.size}x{f.size}, {f.dtype}, medians of {f.rounds}: latentc {a:.2f} s, OpenVINO {b:.2f} s: "
          f"{ratio:.2f} times faster; the pictures agree to {psnr} dB", flush=True)
    if f.turbo:
        further_picture(f, ours, theirs, (a, b))


if __name__ == "__main__":
    main()
