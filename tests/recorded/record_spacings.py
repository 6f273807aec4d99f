#!/usr/bin/env python3
"""Writes data/spacings.txt: sigmas of spacings, as stable-diffusion.cpp computes them for Stable Diffusion's schedule.

    pip download --no-deps stable-diffusion-cpp-python && tar xf stable_diffusion_cpp_python-*.tar.gz
    python3 tests/recorded/record_spacings.py stable_diffusion_cpp_python-*/        needs a C++ compiler

Its schedulers are structs in denoiser.hpp. They are cut out and compiled by themselves, because the whole file needs all of ggml.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROWS = {"sgm_uniform": "SGMUniformScheduler", "simple": "SimpleScheduler", "exponential": "ExponentialScheduler", "karras": "KarrasScheduler"}
COUNTS = (1, 2, 5, 7, 20, 30, 61)
MAIN = """
int main() {
    static CompVisDenoiser d;
    double product = 1;
    for (int i = 0; i < TIMESTEPS; i++) {
        double root = sqrt(0.00085) + i * (sqrt(0.012) - sqrt(0.00085)) / (TIMESTEPS - 1);
        float a = (float)(product *= 1 - root * root);
        d.sigmas[i] = (float)sqrt((1 - (double)a) / a);
        d.log_sigmas[i] = std::log(d.sigmas[i]);
    }
    auto line = [](const char *name, SigmaScheduler &s, uint32_t n) {
        printf("%s %u :", name, n);
        for (float v : s.get_sigmas(n, d.sigmas[0], d.sigmas[TIMESTEPS - 1], [](float t) { return d.t_to_sigma(t); }))
            printf(" %.9g", v);
        printf("\\n");
    };
"""


def cut(source, start):
    """The definition that begins with this text, up to the brace that closes it."""
    at = source.index(start)
    depth = 0
    for i in range(source.index("{", at), len(source)):
        depth += {"{": 1, "}": -1}.get(source[i], 0)
        if depth == 0:
            return source[at : i + 1] + ";\n"


def main(package):
    with open(os.path.join(package, "vendor/stable-diffusion.cpp/src/denoiser.hpp")) as f:
        source = f.read()
    method = cut(cut(source, "struct CompVisDenoiser"), "float t_to_sigma").replace(" override", "")
    text = "#include <cmath>\n#include <cstdint>\n#include <cstdio>\n#include <functional>\n#include <vector>\n#define TIMESTEPS 1000\n"
    text += cut(source, "struct SigmaScheduler") + cut(source, "inline std::vector<float> linear_space").replace("};\n", "}\n")
    text += "".join(cut(source, f"struct {struct} ") for struct in ROWS.values())
    text += "struct CompVisDenoiser { float sigmas[TIMESTEPS], log_sigmas[TIMESTEPS];\n" + method + "};\n" + MAIN
    for name, struct in ROWS.items():
        for n in COUNTS:
            if n > 1 or name in ("sgm_uniform", "simple"):  # the curves divide by n - 1
                text += f'    {{ {struct} s; line("{name}", s, {n}); }}\n'
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/a.cpp", "w") as f:
            f.write(text + "}\n")
        subprocess.run(["c++", "-std=c++17", "-O1", "-o", folder + "/a", folder + "/a.cpp"], check=True)
        lines = subprocess.run([folder + "/a"], check=True, capture_output=True, text=True).stdout
    version = re.search(r"python-([0-9.]+)", os.path.abspath(package)).group(1)
    with open(os.path.join(HERE, "..", "data", "spacings.txt"), "w") as f:
        f.write(f"# tests/recorded/record_spacings.py with stable-diffusion-cpp-python {version}: spacing, steps, sigmas\n" + lines)


if __name__ == "__main__":
    main(*(glob.glob(sys.argv[1]) or sys.exit(__doc__)))
