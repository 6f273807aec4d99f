#!/usr/bin/env python3
"""Makes tests/data/weight-names.tsv from a table of every weight's names under Keras, diffusers and LDM:

    weight_names.py weight-names.csv >tests/data/weight-names.tsv

Columns: graph, path, its shape; diffusers' file and name, the name of old files or -, the shape there; LDM's name, with [first:last] where a
tensor holds several weights, and the shape there; place in a legacy .h5: layer, weight."""
import csv
import sys

GRAPHS = {"unet2": "diffusion_model", "text2": "text_encoder", "decoder": "decoder", "encoder": "image_encoder"}
print("# made by tests/tools/weight_names.py")
for r in csv.DictReader(open(sys.argv[1])):
    print(GRAPHS[r["model"]], r["keras_path"], r["keras_shape"], r["diffusers_file"] + "/" + r["diffusers_name"],
          r["diffusers_file"] + "/" + r["diffusers_name_legacy"] if r["diffusers_name_legacy"] else "-", r["diffusers_shape"],
          r["ldm_name"].replace(",:]", "]"), r["ldm_shape"], r["h5_layer_index"], r["h5_weight_index"], sep="\t")
