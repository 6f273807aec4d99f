"""Programs that stay alive with a loaded model and run it once when told to, so that the runs of two can alternate."""
import json
import os
import statistics
import subprocess
import time

import catalog

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PAUSE = 0.3  # seconds before every run: threads that spin after the other program's run have gone to sleep


class Process:
    """A program that answers every line on its standard input with one on its standard output."""

    def __init__(self, command, env):
        self.command, self.start = command, time.perf_counter()
        self.p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **env})

    def read(self):
        line = self.p.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(self.command)}: ended, exit code {self.p.wait()}")
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

    def facts(self):
        return {"to_first_inference": self.to_first, "peak_bytes": self.peak(), "peak_bytes_load": self.load_peak}

    def close(self):
        self.p.stdin.close()
        self.p.wait()


def latentc_weights(f, stage):
    return catalog.file_of("weights-latentc", stage, f.size, f.weights, f.cache) if f.outliers else f"synthetic:{f.seed}"


def latentc_common(f, stage, dtype):
    """The arguments that `latentc bench` and `latentc run` share."""
    size = [] if stage == "text_encoder" else ["--set", f"img_height={f.size}", "--set", f"img_width={f.size}"]
    target = ["--target", "x86-64-v3"] if f.isa == "avx2" else []
    return ["--dtype", dtype, "--weights", latentc_weights(f, stage), *size, *target, "--threads", str(f.threads)]


def latentc_report(f, stage, dtype):
    return os.path.join(f.output, f"latentc-{stage}-{dtype}.json")


def latentc_command(f, stage, dtype):
    about = catalog.STAGES[stage]
    batch = ["--batch", "1"] if about.bench == "guided_step" and about.batch == 1 else []
    return [f.latentc, "bench", os.path.join(ROOT, "graphs", about.graph or "sd2/pipeline.json"), "--stage", about.bench, *batch, "--serve", "--repeat", "1000", "--json",
            latentc_report(f, stage, dtype), *latentc_common(f, stage, dtype)]


def peer_command(f, name, stage, dtype):
    return [f.python, os.path.join(HERE, "peers.py"), name, stage, dtype, str(f.size), f.weights, f.cache, str(f.threads)]


class Latentc(Process):
    def __init__(self, f, stage, dtype):
        self.json, self.stage = latentc_report(f, stage, dtype), stage
        super().__init__(latentc_command(f, stage, dtype), {})
        self.read()
        self.ready()

    def run(self):
        return float(self.ask("run").split()[1])

    def finish(self):
        """Ends it; what its own report says."""
        facts = self.facts()
        self.close()
        with open(self.json) as report:
            report = json.load(report)
        fused = report["stages"][catalog.STAGES[self.stage].bench]["fused"]
        os.remove(self.json)
        machine = {k: report["machine"][k] for k in ("cpu", "target", "threads", "unit", "peak_gflops")}
        return {**facts, "prepare": fused["prepare"], "planned_bytes": fused["peak_bytes"]}, machine, fused["gflop_written"]


class Other(Process):
    def __init__(self, f, name, stage, dtype):
        env = {"OMP_NUM_THREADS": str(f.threads), "TORCHINDUCTOR_CACHE_DIR": os.path.join(f.cache, "inductor")}
        if f.isa == "avx2":
            env |= catalog.PEERS[name].avx2
        super().__init__(peer_command(f, name, stage, dtype), env)
        self.said = json.loads(self.read())
        self.ready()

    def run(self):
        return json.loads(self.ask("run"))["seconds"]

    def save(self, path):
        self.ask(f"save {path}")


def alternate(latentc, other, rounds):
    """Round by round: (latentc's seconds, the other's). A first round is not counted: the memory of large models settles in it."""
    seconds = []
    for _ in range(rounds + 1):
        pair = []
        for program in (latentc, other):
            time.sleep(PAUSE)
            pair.append(program.run())
        seconds.append(tuple(pair))
    return seconds[1:]


def summary(seconds):
    return {"median": statistics.median(seconds), "min": min(seconds), "runs": seconds}
