"""The driver: latentc and a peer in turn, run by run, for every peer, stage and type; see README.md in this folder's parent."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np

import peers
import stages

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def arguments():
    a = argparse.ArgumentParser(prog="bench/compare/run.sh", description="Times latentc and other programs in turn on the same models.")
    a.add_argument("--peers", default="openvino,torch,onnxruntime", help=f"of {','.join(peers.PEERS)}; default %(default)s")
    a.add_argument("--stages", default="guided_step,decoder", help=f"of {','.join(stages.MODELS)}; default %(default)s")
    a.add_argument("--dtypes", default="bf16,f32", help="default %(default)s")
    a.add_argument("--rounds", type=int, default=7, help="runs of each, in turn; default %(default)s")
    a.add_argument("--size", type=int, default=512, help="of the picture, in pixels; default %(default)s")
    a.add_argument("--seed", type=int, default=1, help="of weights and inputs; default %(default)s")
    a.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="default: %(default)s, what this process may use")
    a.add_argument("--isa", choices=["native", "avx2"], default="native", help="avx2: latentc --target x86-64-v3, peers limited to AVX2")
    a.add_argument("--latentc", default=os.path.join(ROOT, "build", "latentc"), help="default %(default)s")
    a.add_argument("--output", default=os.path.join(ROOT, "build", "compare"), help="folder for the results; default %(default)s")
    a.add_argument("--cache", default=os.path.join(ROOT, ".cache", "compare"), help="folder for weights and exported models; default %(default)s")
    a.add_argument("--prepare", action="store_true", help="only write what is missing in the cache")
    a.add_argument("--no-check", action="store_true", help="do not compare outputs (saves the reference in double precision)")
    f = a.parse_args()
    for what, known in (("peers", peers.PEERS), ("stages", stages.MODELS), ("dtypes", ("f32", "bf16"))):
        chosen = getattr(f, what).split(",")
        for name in chosen:
            if name not in known:
                a.error(f"--{what} {name}: expected {', '.join(known)}")
        setattr(f, what, chosen)
    return f


def say(text):
    print(text, file=sys.stderr, flush=True)


def ensure(f, kind, stage):
    path = stages.file_of(kind, stage, f.size, f.seed, f.cache)
    if not os.path.exists(path):
        done = subprocess.run([sys.executable, os.path.join(HERE, "prepare.py"), kind, stage, str(f.size), str(f.seed), f.cache])
        if done.returncode:
            raise SystemExit(f"{kind} of {stage} could not be written")
    return path


class Process:
    """A program that holds a loaded model and runs it once for every line it gets."""

    def __init__(self, command, env):
        self.start = time.perf_counter()
        self.p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **env})

    def read(self):
        line = self.p.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(self.p.args)}: ended, exit code {self.p.wait()}")
        return line.rstrip("\n")

    def ask(self, line):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()
        return self.read()

    def ready(self):
        """After loading and the first run: what that took; the kernel's mark of the highest memory starts again."""
        self.to_first = time.perf_counter() - self.start
        self.load_peak = self.peak()
        with open(f"/proc/{self.p.pid}/clear_refs", "w") as mark:
            mark.write("5")

    def peak(self):
        """Bytes: the most that was resident, mapped files included."""
        with open(f"/proc/{self.p.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))

    def close(self):
        self.p.stdin.close()
        self.p.wait()


class Latentc(Process):
    def __init__(self, f, stage, dtype):
        self.json = os.path.join(f.output, f"latentc-{stage}-{dtype}.json")
        super().__init__([f.latentc, "bench", os.path.join(ROOT, "graphs", "sd2", "pipeline.json"), "--stage", stage, "--serve", "--json", self.json,
                          "--repeat", "1000", "--dtype", dtype, "--threads", str(f.threads), "--weights", f"synthetic:{f.seed}",
                          "--set", f"img_height={f.size}", "--set", f"img_width={f.size}", *target(f)], {})
        self.read()
        self.ready()

    def run(self):
        return float(self.ask("run").split()[1])


class Peer(Process):
    def __init__(self, f, name, stage, dtype):
        env = {"TORCHINDUCTOR_CACHE_DIR": os.path.join(f.cache, "inductor"), "OMP_NUM_THREADS": str(f.threads)}
        if f.isa == "avx2":
            env |= {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
        super().__init__([sys.executable, os.path.join(HERE, "peers.py"), name, stage, dtype, str(f.size), str(f.seed), f.cache, str(f.threads)], env)
        self.facts = json.loads(self.read())
        self.ready()

    def run(self):
        return json.loads(self.ask("run"))["seconds"]

    def save(self, path):
        self.ask(f"save {path}")


def target(f):
    return ["--target", "x86-64-v3"] if f.isa == "avx2" else []


def in_turn(f, latentc, peer):
    """One warm-up each, then round by round: [(latentc's seconds, the peer's)]."""
    rounds = []
    for i in range(-1, f.rounds):
        pair = latentc.run(), peer.run()
        if i >= 0:
            rounds.append(pair)
    return rounds


def relative_rms(got, want):
    from safetensors.numpy import load_file
    a, b = (load_file(x)["output"].astype(np.float64) for x in (got, want))
    return float(np.sqrt(np.mean((a - b) ** 2) / np.mean(b ** 2)))


def check_latentc(f, stage, dtype, reference):
    from safetensors.numpy import save_file
    given, got = (os.path.join(f.output, f"{stage}-{x}.safetensors") for x in ("inputs", "latentc"))
    save_file(stages.inputs(stage, f.size, f.seed), given)
    subprocess.run([f.latentc, "run", os.path.join(ROOT, "graphs", "sd2", stages.MODELS[stage] + ".json"), "--inputs", given, "--outputs", got,
                    "--weights", f"synthetic:{f.seed}", "--dtype", dtype, "--threads", str(f.threads), "--set", f"batch={stages.BATCH[stage]}",
                    *sum((["--set", f"img_{x}={f.size}"] for x in ("height", "width") if stage != "text_encoder"), []), *target(f)], check=True)
    return relative_rms(got, reference)


def summary(seconds):
    return {"median": statistics.median(seconds), "min": min(seconds), "runs": seconds}


def compare_stage(f, stage, dtype):
    reference = None if f.no_check else ensure(f, "reference", stage)
    error = None if f.no_check else check_latentc(f, stage, dtype, reference)
    latentc = Latentc(f, stage, dtype)
    all_runs, others = [], []
    for name in f.peers:
        kind = peers.file_kind(name, dtype)
        if not kind:
            say(f"{peers.PEERS[name][3]} has no {dtype} on CPUs: left out")
            continue
        ensure(f, kind, stage)
        peer = Peer(f, name, stage, dtype)
        rounds = in_turn(f, latentc, peer)
        ratios = [b / a for a, b in rounds]
        own = [a for a, _ in rounds]
        row = {"peer": name, **summary([b for _, b in rounds]), "latentc_runs": own, "ratios": ratios, "ratio": statistics.median(ratios),
               "to_first_inference": peer.to_first, "peak_bytes": peer.peak(), "peak_bytes_load": peer.load_peak, "facts": peer.facts}
        if reference:
            path = os.path.join(f.output, f"{stage}-{name}.safetensors")
            peer.save(path)
            row["relative_rms"] = relative_rms(path, reference)
        peer.close()
        say(f"{stage} {dtype}: {name} {row['median']:.3f} s, latentc {statistics.median(own):.3f} s: {row['ratio']:.2f} times faster")
        all_runs += own
        others.append(row)
    peak = latentc.peak()
    latentc.close()
    with open(latentc.json) as report:
        report = json.load(report)
    fused = report["stages"][stage]["fused"]
    return {"stage": stage, "dtype": dtype, "latentc": {**summary(all_runs), "prepare": fused["prepare"], "peak_bytes": peak,
            "planned_bytes": fused["peak_bytes"], "relative_rms": error}, "gflop": fused["gflop_written"], "machine": report["machine"], "peers": others}


def prepare_all(f):
    for stage in f.stages:
        for kind in {peers.file_kind(p, d) for p in f.peers for d in f.dtypes} - {None} | (set() if f.no_check else {"reference"}):
            ensure(f, kind, stage)


def main():
    f = arguments()
    os.makedirs(f.output, exist_ok=True)
    if f.prepare:
        return prepare_all(f)
    results = [compare_stage(f, stage, dtype) for stage in f.stages for dtype in f.dtypes]
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
