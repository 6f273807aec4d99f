"""The loop of a generator over OpenVINO's compiled models, from token ids to a PNG: what picture.py times. Runs in the environment.

picture_peer.py --models TEXT GUIDED DECODER --tokens IDS IDS --noise FILE --steps N --dtype T --threads N [--compiled DIR] [--count N] --output PNG
picture_peer.py --turbo --models TEXT STEP DECODER --tokens IDS ...: without guidance, at the timesteps of SD-Turbo's schedule
picture_peer.py --write-noise FILE SIZE SEED
picture_peer.py --psnr PNG PNG
"""
import argparse
import sys

import numpy as np

GUIDANCE, TRAIN_STEPS = 7.5, 1000


def write_noise(path, size, seed):
    from safetensors.numpy import save_file
    save_file({"latent_in": np.random.default_rng(seed).standard_normal((1, size // 8, size // 8, 4), dtype=np.float32)}, path)


def psnr(a, b):
    from PIL import Image
    a, b = (np.asarray(Image.open(x), np.float64) for x in (a, b))
    print(f"{10 * np.log10(255 ** 2 / max(np.mean((a - b) ** 2), 1e-12)):.1f}")


def compiler(f):
    import openvino as ov
    core = ov.Core()
    settings = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": f.threads, "INFERENCE_PRECISION_HINT": f.dtype}
    if f.compiled:
        settings["CACHE_DIR"] = f.compiled

    def load(path):
        request = core.compile_model(path, "CPU", settings).create_infer_request()

        def run(*values):
            request.infer(values, share_inputs=True)
            return request.get_output_tensor(0).data
        return run
    return load


def schedule(steps, turbo):
    """keras-cv's: evenly spaced timesteps, both ends included; turbo: "trailing". And alphas_cumprod at each, from noise to picture."""
    beta = np.linspace(0.00085 ** 0.5, 0.012 ** 0.5, TRAIN_STEPS) ** 2
    alpha = np.cumprod(1 - beta).astype(np.float32)
    times = np.rint(np.arange(steps) * ((TRAIN_STEPS - 1) / max(steps - 1, 1))).astype(int)[::-1]
    if turbo:
        times = np.rint(TRAIN_STEPS - np.arange(steps) * (TRAIN_STEPS / steps)).astype(int) - 1
    return times, alpha[times].astype(np.float64), np.append(alpha[times[1:]], 1.0).astype(np.float64)


def embedding(t):
    angles = t * np.exp(-np.log(10000.0) * np.arange(160) / 160)
    return np.concatenate([np.cos(angles), np.sin(angles)]).astype(np.float32)[None]


def denoise(f, step, context):
    """The latent. With turbo, noise times the largest sigma, as EulerDiscreteScheduler begins, in the scale of the model's input."""
    from safetensors.numpy import load_file
    x = load_file(f.noise)["latent_in"].transpose(0, 3, 1, 2).astype(np.float64)
    for i, (t, a, after) in enumerate(zip(*schedule(f.steps, f.turbo))):
        if f.turbo and i == 0:
            x *= np.sqrt(1 - a)
        batch = len(context)
        noise = step(np.ascontiguousarray(x.astype(np.float32).repeat(batch, 0)), embedding(t).repeat(batch, 0), context).astype(np.float64)
        if not f.turbo:
            without, wanted = noise
            noise = without + GUIDANCE * (wanted - without)
        x0 = (x - np.sqrt(1 - a) * noise) / np.sqrt(a)
        x = np.sqrt(after) * x0 + np.sqrt(1 - after) * noise
    return x.astype(np.float32)


def draw(f):
    from PIL import Image
    load = compiler(f)
    tokens = np.array([[int(x) for x in ids.split(",")] for ids in f.tokens], np.int32)
    context = np.array(load(f.models[0])(tokens))
    step, decoder = load(f.models[1]), None
    for _ in range(f.count):
        x = denoise(f, step, context)
        decoder = decoder or load(f.models[2])
        picture = decoder(x)[0].transpose(1, 2, 0)
        Image.fromarray(np.clip((picture + 1) / 2 * 255, 0, 255).astype(np.uint8)).save(f.output)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--write-noise", nargs=3)
    a.add_argument("--psnr", nargs=2)
    a.add_argument("--models", nargs=3)
    a.add_argument("--tokens", nargs="+")
    a.add_argument("--turbo", action="store_true")
    a.add_argument("--count", type=int, default=1)
    a.add_argument("--noise")
    a.add_argument("--steps", type=int)
    a.add_argument("--threads", type=int)
    a.add_argument("--dtype")
    a.add_argument("--compiled")
    a.add_argument("--output")
    f = a.parse_args()
    if f.write_noise:
        write_noise(f.write_noise[0], int(f.write_noise[1]), int(f.write_noise[2]))
    elif f.psnr:
        psnr(*f.psnr)
    else:
        draw(f)


if __name__ == "__main__":
    sys.exit(main())
