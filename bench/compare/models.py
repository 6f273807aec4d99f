"""The models that the peers run: diffusers' own, configured and numbered as graphs/sd2 (keras-cv's conventions: tanh GELU, eps 1e-5 everywhere)."""
import torch

import synthetic
from catalog import STAGES, weights_of
from stages import LATENT_SCALE, TEXT_LENGTH


class DiffusionModel(torch.nn.Module):
    """diffusers' UNet, which takes the embedding of the time step as latentc's graph does."""

    def __init__(self):
        super().__init__()
        from diffusers import UNet2DConditionModel
        self.unet = UNet2DConditionModel(
            sample_size=64, in_channels=4, out_channels=4, attention_head_dim=[5, 10, 20, 20], block_out_channels=[320, 640, 1280, 1280],
            cross_attention_dim=1024, down_block_types=["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
            up_block_types=["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3, use_linear_projection=True)
        self.unet.get_time_embed = lambda sample, timestep: timestep

    def forward(self, latent, timestep_embedding, context):
        return self.unet(latent, timestep_embedding, context, return_dict=False)[0]


class Decoder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        from diffusers import AutoencoderKL
        self.vae = AutoencoderKL(down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4,
                                 block_out_channels=[128, 256, 512, 512], layers_per_block=2, latent_channels=4, sample_size=512)
        del self.vae.encoder, self.vae.quant_conv

    def forward(self, latent):
        return self.vae.decode(latent / LATENT_SCALE, return_dict=False)[0]


class TinyDecoder(torch.nn.Module):
    """TAESD's."""

    def __init__(self):
        super().__init__()
        from diffusers import AutoencoderTiny
        self.tiny = AutoencoderTiny()
        del self.tiny.encoder

    def forward(self, latent):
        return self.tiny.decoder(latent)


class TextEncoder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        from transformers import CLIPTextConfig, CLIPTextModel
        self.text = CLIPTextModel(CLIPTextConfig(
            vocab_size=49408, hidden_size=1024, intermediate_size=4096, num_hidden_layers=23, num_attention_heads=16,
            max_position_embeddings=TEXT_LENGTH, hidden_act="gelu_pytorch_tanh", projection_dim=512))

    def forward(self, tokens):
        return self.text(input_ids=tokens).last_hidden_state


MODULES = {"diffusion_model": (DiffusionModel, "unet."), "decoder": (Decoder, "vae."), "text_encoder": (TextEncoder, "text."),
           "tiny_decoder": (TinyDecoder, "tiny.decoder.layers.")}


def use_keras_conventions(module):
    for m in module.modules():
        if isinstance(m, (torch.nn.GroupNorm, torch.nn.LayerNorm)):
            m.eps = 1e-5
        if type(m).__name__ == "GEGLU":
            m.gelu = lambda gate: torch.nn.functional.gelu(gate, approximate="tanh")


def build(stage):
    """The module without weights (torch's meta device)."""
    make, _ = MODULES[STAGES[stage].model]
    with torch.device("meta"):
        module = make()
    use_keras_conventions(module)
    return module.eval().requires_grad_(False)


def synthetic_weights(stage, weights):
    """(name in the module, latentc's name, numpy array in torch's layout) of each; weights: a name of catalog.weights_name"""
    model = STAGES[stage].model
    _, prefix = MODULES[model]
    module, (seed, outliers) = build(stage), weights_of(weights)
    norms = {n for n, m in module.named_modules() if isinstance(m, (torch.nn.GroupNorm, torch.nn.LayerNorm))}
    for name, parameter in module.named_parameters():
        layer, leaf = name.rsplit(".", 1)
        path = synthetic.weight_path(model, layer.removeprefix(prefix), leaf, layer in norms)
        yield name, f"{model}/{path}", synthetic.weight(model, seed, path, tuple(parameter.shape), outliers)


def load(stage, weights_file):
    """The module with weights mapped from a file."""
    from safetensors.torch import load_file
    module = build(stage)
    module.load_state_dict(load_file(weights_file), strict=False, assign=True)
    for name, buffer in module.named_buffers():  # transformers' position ids: not in the file
        if buffer.is_meta:
            owner, leaf = name.rsplit(".", 1)
            module.get_submodule(owner).register_buffer(leaf, torch.arange(buffer.shape[-1])[None], persistent=False)
    missing = [n for n, p in module.named_parameters() if p.is_meta]
    if missing:
        raise SystemExit(f"{weights_file}: no {missing[0]} ({len(missing)} tensors missing)")
    return module.eval().requires_grad_(False)
