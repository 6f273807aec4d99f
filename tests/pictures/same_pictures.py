#!/usr/bin/env python3
"""The same picture as diffusers' own: full-size Stable Diffusion 2 with synthetic weights, written by diffusers, drawn by diffusers and by a generator
that latentc built from those files. Prints a Markdown table.

    tests/pictures/same_pictures.py --turbo [--size 512] [--turbo-steps 1,2,4]
    tests/pictures/same_pictures.py [--size 256] [--steps 8] [--samplers ddim,euler,dpm++2m,pndm] [--predictions epsilon,v] [--dtypes f32,bf16]
                                  [--starts noise,picture,mask] [--strength 0.7]

Pictures that start from one (StableDiffusionImg2ImgPipeline), or from the part of one that a mask leaves (StableDiffusionInpaintPipeline), are drawn with
the first prediction alone, and with plms in place of pndm, whose Runge-Kutta steps diffusers begins in their middle there.

It installs diffusers and PyTorch into an environment of its own (the one of bench/compare), writes a folder of 5 GB and generators of as much; a first
run takes up to an hour. In bf16 the table shows how far PyTorch's picture in bf16 is from its own in f32, and latentc's from the same one.
--turbo: instead, a folder with these weights in SD-Turbo's form: its scheduler, no guidance, 1, 2 and 4 steps, in f32; latentc's generator has the defaults
that follow from the folder.
--bound DB: exit code 1 when a picture in f32 is worse. --keep DIR: the pictures stay there, and are not drawn again by diffusers."""
import argparse
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
COMPARE = os.path.join(ROOT, "bench", "compare")
sys.path.insert(0, COMPARE)
import environment  # noqa: E402

PROMPT, NEGATIVE, SCALE, SEED = "a red circle on a blue background", "blurry", 5.0, 31


def arguments():
    a = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    a.add_argument("--size", type=int, help="of the pictures; default 256, with --turbo 512")
    a.add_argument("--turbo", action="store_true", help="a folder in SD-Turbo's form")
    a.add_argument("--turbo-steps", default="1,2,4", help="default %(default)s")
    a.add_argument("--steps", type=int, default=8, help="default %(default)s")
    a.add_argument("--samplers", default="ddim,euler,dpm++2m,pndm", help="default %(default)s")
    a.add_argument("--predictions", default="epsilon,v", help="default %(default)s")
    a.add_argument("--starts", default="noise,picture,mask", help="what pictures start from; default %(default)s")
    a.add_argument("--strength", type=float, default=0.7, help="of those that do not start from noise; default %(default)s")
    a.add_argument("--dtypes", default="f32,bf16", help="default %(default)s")
    a.add_argument("--bound", type=float, help="least PSNR in f32, dB")
    a.add_argument("--folder", metavar="DIR", help="a folder that diffusers wrote; default: written into the cache")
    a.add_argument("--keep", metavar="DIR", default=os.path.join(ROOT, ".cache", "pictures"), help="for folder, generators and pictures; default .cache/pictures")
    a.add_argument("--latentc", metavar="FILE", default=os.path.join(ROOT, "build", "latentc"), help="default build/latentc")
    a.add_argument("--venv", metavar="DIR", default=os.path.join(ROOT, ".cache", "compare", "venv"), help="virtual environment; default bench/compare's")
    a.add_argument("--torch-index", metavar="URL", help="a package index with PyTorch for CPUs only")
    f = a.parse_args()
    f.size = f.size or (512 if f.turbo else 256)
    f.folder = f.folder or os.path.join(f.keep, "sd2")
    f.python = environment.python_of(f.venv)
    return f


def path_of(f, whose, start, sampler, prediction, dtype):
    from_what = "" if start == "noise" else f"-{start}-{f.strength:g}"
    return os.path.join(f.keep, f"{whose}-{sampler}-{prediction}-{dtype}-{f.size}-{f.steps}{from_what}.png")


def input_of(f, what):
    return os.path.join(f.keep, f"{what}-{f.size}.png")


def draw_theirs(f, jobs):
    """One process draws all that is missing: the models are loaded once a type."""
    missing = [j for j in jobs if not os.path.exists(path_of(f, "diffusers", *j))]
    if missing:
        request = {"folder": f.folder, "prompt": PROMPT, "negative": NEGATIVE, "scale": SCALE, "seed": SEED, "size": f.size, "steps": f.steps,
                   "strength": f.strength, "picture": input_of(f, "picture"), "mask": input_of(f, "mask"),
                   "jobs": [[*j, path_of(f, "diffusers", *j)] for j in missing]}
        subprocess.run([f.python, os.path.join(HERE, "diffusers_pictures.py"), "draw"], input=json.dumps(request), text=True, check=True)


def draw_ours(f, dtype, jobs):
    generator = os.path.join(f.keep, f"sd2-{dtype}-{f.size}")
    subprocess.run([f.latentc, "build", os.path.join(ROOT, "graphs", "sd2", "pipeline.json"), "--weights", f.folder, "--dtype", dtype, "--set",
                    f"img_height={f.size}", "--set", f"img_width={f.size}", "--quiet", "-o", generator], check=True)
    picture = ["-i", input_of(f, "picture"), "--strength", str(f.strength)]
    starts = {"noise": [], "picture": picture, "mask": [*picture, "--mask", input_of(f, "mask")]}
    pngs = {}
    for start, sampler, prediction, _ in jobs:
        pngs[start, sampler, prediction] = png = path_of(f, "latentc", start, sampler, prediction, dtype)
        subprocess.run([generator, "-p", PROMPT, "-n", NEGATIVE, "--cfg-scale", str(SCALE), "-s", str(SEED), "--steps", str(f.steps), "--rng", "cpu",
                        "--sampling-method", sampler, "--prediction", prediction, *starts[start], "-o", png], check=True, stderr=subprocess.DEVNULL)
    os.remove(generator)
    return pngs


def psnr(f, pairs):
    done = subprocess.run([f.python, os.path.join(HERE, "diffusers_pictures.py"), "psnr"], input=json.dumps(pairs), text=True, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


# ---- SD-Turbo's form ----

# what the published scheduler config says
TURBO = os.path.join(ROOT, "tests", "data", "sd-turbo-scheduler.json")


def make_turbo(f):
    """The folder's models under another scheduler."""
    folder = os.path.join(f.keep, "turbo")
    os.makedirs(os.path.join(folder, "scheduler"), exist_ok=True)
    for part in "unet", "vae", "text_encoder", "tokenizer":
        if not os.path.lexists(os.path.join(folder, part)):
            os.symlink(os.path.join(os.path.abspath(f.folder), part), os.path.join(folder, part))
    with open(os.path.join(f.folder, "model_index.json")) as file:
        index = json.load(file)
    index["scheduler"] = ["diffusers", "EulerDiscreteScheduler"]
    shutil.copy(TURBO, os.path.join(folder, "scheduler", "scheduler_config.json"))
    with open(os.path.join(folder, "model_index.json"), "w") as file:
        json.dump(index, file, indent=2)
    return folder


def compare_turbo(f):
    """Both draw with the same folder; latentc with the defaults that it finds there, but for the number of steps."""
    folder, generator = make_turbo(f), os.path.join(f.keep, f"turbo-{f.size}")
    steps = [int(n) for n in f.turbo_steps.split(",")]
    theirs, ours = ({n: os.path.join(f.keep, f"{whose}-turbo-{f.size}-{n}.png") for n in steps} for whose in ("diffusers", "latentc"))
    missing = [n for n in steps if not os.path.exists(theirs[n])]
    if missing:
        request = {"folder": folder, "prompt": PROMPT, "seed": SEED, "size": f.size, "jobs": [[n, theirs[n]] for n in missing]}
        subprocess.run([f.python, os.path.join(HERE, "diffusers_pictures.py"), "turbo"], input=json.dumps(request), text=True, check=True)
    subprocess.run([f.latentc, "build", os.path.join(ROOT, "graphs", "sd2", "pipeline.json"), "--weights", folder, "--size", f"{f.size}x{f.size}", "--quiet",
                    "-o", generator], check=True)
    for n in steps:
        more = [] if n == 1 else ["--steps", str(n)]
        subprocess.run([generator, "-p", PROMPT, "-s", str(SEED), "--rng", "cpu", *more, "-o", ours[n]], check=True, stderr=subprocess.DEVNULL)
    os.remove(generator)
    print("| steps | PSNR of latentc's picture in f32 to diffusers' |\n|---|---|")
    values = psnr(f, [[ours[n], theirs[n]] for n in steps])
    for n, value in zip(steps, values):
        print(f"| {n} | {value:.1f} dB |")
    return min(values)


def main():
    f = arguments()
    environment.ensure(f.venv, f.torch_index)
    os.makedirs(f.keep, exist_ok=True)
    if not os.path.exists(os.path.join(f.folder, "model_index.json")):
        subprocess.run([f.python, os.path.join(HERE, "diffusers_pictures.py"), "make", f.folder], check=True)
    worst = compare_turbo(f) if f.turbo else compare_samplers(f)
    if f.bound and worst < f.bound:
        sys.exit(f"the worst picture in f32 has {worst:.1f} dB, expected {f.bound:g}")


def compare_samplers(f):
    """Prints the table; returns the worst PSNR in f32."""
    if not os.path.exists(input_of(f, "mask")):
        subprocess.run([f.python, os.path.join(HERE, "diffusers_pictures.py"), "inputs", f.keep, str(f.size)], check=True)
    predictions, dtypes = f.predictions.split(","), f.dtypes.split(",")
    kinds = [("noise", s, p) for p in predictions for s in f.samplers.split(",")]
    kinds += [(t, "plms" if s == "pndm" else s, predictions[0]) for t in ("picture", "mask") for s in f.samplers.split(",")]
    kinds = [k for k in kinds if k[0] in f.starts.split(",")]
    jobs = [(*k, d) for d in dtypes for k in kinds]
    reference = {k: path_of(f, "diffusers", *k, "f32") for k in kinds}
    draw_theirs(f, [(*k, "f32") for k in kinds] + [j for j in jobs if j[3] != "f32"])
    worst = float("inf")
    print("| from | sampler | prediction | " + " | ".join("latentc f32" if d == "f32" else f"latentc {d} | PyTorch {d}" for d in dtypes) + " |")
    print("|---|---|---|" + "---|" * sum(1 if d == "f32" else 2 for d in dtypes))
    ours = {d: draw_ours(f, d, [j for j in jobs if j[3] == d]) for d in dtypes}
    for k in kinds:
        pairs = []
        for d in dtypes:
            pairs.append((ours[d][k], reference[k]))
            if d != "f32":
                pairs.append((path_of(f, "diffusers", *k, d), reference[k]))
        values = psnr(f, pairs)
        if "f32" in dtypes:
            worst = min(worst, values[0])
        print(f"| {k[0]} | {k[1]} | {k[2]} | " + " | ".join(f"{v:.1f} dB" for v in values) + " |", flush=True)
    return worst


if __name__ == "__main__":
    main()
