#!/usr/bin/env python3
"""A picture from a library that `latentc build --emit so` made, written as PPM; nothing but Python's standard library.

    latentc build graphs/shapes/pipeline.json --emit so -o libshapes.so
    ./draw.py ./libshapes.so "a red circle on a blue background" circle.ppm
"""
import ctypes
import sys

Progress = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_int)


def load(path):
    lib = ctypes.CDLL(path)
    handle, text = ctypes.c_void_p, ctypes.c_char_p
    for name, result, *arguments in (
            ("lrt_create", handle, text, ctypes.c_int, text, ctypes.c_size_t),
            ("lrt_destroy", None, handle),
            ("lrt_set_prompt", ctypes.c_int, handle, text, text),
            ("lrt_set", ctypes.c_int, handle, text, text),
            ("lrt_run", ctypes.c_int, handle, Progress, handle),
            ("lrt_picture", handle, handle),
            ("lrt_width", ctypes.c_int, handle),
            ("lrt_height", ctypes.c_int, handle),
            ("lrt_seed", ctypes.c_uint64, handle),
            ("lrt_message", text, handle)):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


class Generator:
    """One handle. Calls release Python's lock: handles in different threads draw at the same time."""

    def __init__(self, library, weights=None, threads=0):
        self.lib, why = load(library), ctypes.create_string_buffer(1024)
        self.handle = self.lib.lrt_create(weights.encode() if weights else None, threads, why, len(why))
        if not self.handle:
            raise RuntimeError(why.value.decode())

    def checked(self, code):
        if code == 1:
            raise RuntimeError(self.lib.lrt_message(self.handle).decode())
        return code == 0

    def set(self, **settings):
        """By the names of the command line, with _ for -: set(steps=20, sampling_method="relax"); None: back to the default."""
        for name, value in settings.items():
            text = None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
            self.checked(self.lib.lrt_set(self.handle, name.replace("_", "-").encode(), None if text is None else text.encode()))

    def draw(self, prompt, negative="", progress=None):
        """(width, height, bytes of RGB); None when progress(step, steps), called after every step, returned something true."""
        self.checked(self.lib.lrt_set_prompt(self.handle, prompt.encode(), negative.encode()))
        callback = Progress(lambda _, step, steps: int(bool(progress and progress(step, steps))))
        if not self.checked(self.lib.lrt_run(self.handle, callback, None)):
            return None
        width, height = self.lib.lrt_width(self.handle), self.lib.lrt_height(self.handle)
        return width, height, ctypes.string_at(self.lib.lrt_picture(self.handle), width * height * 3)

    def close(self):
        self.lib.lrt_destroy(self.handle)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    generator = Generator(sys.argv[1])
    generator.set(seed=7)
    w, h, rgb = generator.draw(sys.argv[2], progress=lambda step, steps: print(f"\rstep {step} of {steps}", end="", file=sys.stderr))
    generator.close()
    with open(sys.argv[3], "wb") as f:
        f.write(b"P6\n%d %d\n255\n" % (w, h) + rgb)
