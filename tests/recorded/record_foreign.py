#!/usr/bin/env python3
"""record_foreign.py OUT: writes tests/error/foreign's input files, each by the library whose users have such files: diffusers, transformers, peft, torch,
safetensors, gguf (diffusers 0.42, torch 2.15). Tiny models; every number is zero, except that what makes a file recognisable (names, and the widths that
tell models apart) is as in published files."""
import os
import shutil
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file

out = sys.argv[1]
os.makedirs(out, exist_ok=True)


def put(name, tensors):
    """Numbers of 8 bits keep the files small."""
    small = {k: torch.zeros(v.shape, dtype=torch.float8_e4m3fn) for k, v in tensors.items()}
    save_file(small, os.path.join(out, name + ".safetensors"), metadata={"format": "pt"})


def written(model, keep=None):
    """What the library's own save_pretrained writes; keep: parts of names, when a model of true width would be large."""
    folder = tempfile.mkdtemp()
    model.save_pretrained(folder)
    tensors = {}
    for file in os.listdir(folder):
        if file.endswith(".safetensors"):
            tensors.update(load_file(os.path.join(folder, file)))
    shutil.rmtree(folder)
    return {k: v for k, v in tensors.items() if not keep or any(part in k for part in keep)}


from diffusers import (AutoencoderKL, AutoencoderTiny, ControlNetModel, FluxTransformer2DModel, MotionAdapter, PixArtTransformer2DModel,
                       SD3Transformer2DModel, StableDiffusionPipeline, T2IAdapter, UNet2DConditionModel)
from diffusers.utils import convert_state_dict_to_kohya

unet = dict(block_out_channels=(4, 4), layers_per_block=1, norm_num_groups=2, attention_head_dim=2,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"))
sd1 = UNet2DConditionModel(cross_attention_dim=768, **unet)
put("sdxl-unet", written(UNet2DConditionModel(cross_attention_dim=2048, addition_embed_type="text_time", addition_time_embed_dim=2,
                                              projection_class_embeddings_input_dim=16, **unet)))
for name, channels in ("depth", 5), ("upscaler", 7), ("pix2pix", 8):
    put(name + "-unet", written(UNet2DConditionModel(cross_attention_dim=8, in_channels=channels, **unet)))
put("controlnet", written(ControlNetModel(cross_attention_dim=8, block_out_channels=(4, 4), layers_per_block=1, norm_num_groups=2, attention_head_dim=2,
                                          down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), conditioning_embedding_out_channels=(4, 4))))
put("taesd", written(AutoencoderTiny(encoder_block_out_channels=(4, 4), decoder_block_out_channels=(4, 4), num_encoder_blocks=(1, 1),
                                     num_decoder_blocks=(1, 1))))
vae16 = AutoencoderKL(block_out_channels=(4, 4), latent_channels=16, norm_num_groups=2, down_block_types=("DownEncoderBlock2D",) * 2,
                      up_block_types=("UpDecoderBlock2D",) * 2)
put("flux-vae", written(vae16))
put("flux", written(FluxTransformer2DModel(num_layers=1, num_single_layers=1, attention_head_dim=4, num_attention_heads=1, joint_attention_dim=4,
                                           pooled_projection_dim=4, in_channels=4, axes_dims_rope=(2, 2, 0))))
put("sd3", written(SD3Transformer2DModel(num_layers=1, attention_head_dim=4, num_attention_heads=1, joint_attention_dim=4, caption_projection_dim=4,
                                         pooled_projection_dim=4, in_channels=4, sample_size=8, pos_embed_max_size=4)))
put("pixart", written(PixArtTransformer2DModel(num_layers=1, attention_head_dim=4, num_attention_heads=1, cross_attention_dim=4, caption_channels=4,
                                               sample_size=8, in_channels=4)))
put("t2i-adapter", written(T2IAdapter(channels=[4, 4, 4, 4], num_res_blocks=1)))
put("motion", written(MotionAdapter(block_out_channels=(4, 4), motion_layers_per_block=1, motion_norm_num_groups=2, motion_num_attention_heads=1,
                                    motion_mid_block_layers_per_block=1)))

from transformers import CLIPVisionConfig, CLIPVisionModel, T5Config, T5EncoderModel

small = dict(num_hidden_layers=1, num_attention_heads=1, intermediate_size=2)
put("clip-vision", written(CLIPVisionModel(CLIPVisionConfig(hidden_size=4, image_size=4, patch_size=2, **small))))
put("t5", written(T5EncoderModel(T5Config(d_model=4, d_kv=2, d_ff=4, num_layers=1, num_heads=1, vocab_size=4))))

# A LoRA as diffusers' training scripts save it, and the same with kohya's names; a DoRA.
from peft import LoraConfig, get_peft_model_state_dict

sd1.add_adapter(LoraConfig(r=1, target_modules=["to_q", "to_k"]))
layers = get_peft_model_state_dict(sd1)
folder = tempfile.mkdtemp()
StableDiffusionPipeline.save_lora_weights(folder, unet_lora_layers=layers, safe_serialization=True)
lora = load_file(folder + "/pytorch_lora_weights.safetensors")
put("lora-diffusers", lora)
put("lora-kohya", convert_state_dict_to_kohya(lora))
put("lora-kohya-text", {k.replace("lora_unet", "lora_te"): v for k, v in convert_state_dict_to_kohya(lora).items()})
put("lora-peft", {"base_model.model." + k: v for k, v in layers.items()})

# Textual inversions: of diffusers' script, of AUTOMATIC1111, its older .pt.
put("inversion-diffusers", {"<cat-toy>": torch.zeros(1, 768)})
put("inversion-1111", {"emb_params": torch.zeros(2, 1024)})
put("inversion-sdxl", {"clip_g": torch.zeros(1, 1280), "clip_l": torch.zeros(1, 768)})
torch.save({"string_to_token": {"*": 265}, "string_to_param": {"*": torch.zeros(1, 4)}, "name": "cat"}, out + "/inversion.pt")

# Checkpoints of PyTorch: zip and the older form.
torch.save({"state_dict": {"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(1)}, "global_step": 1}, out + "/zip.ckpt")
torch.save({"state_dict": {"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(1)}}, out + "/old.bin", _use_new_zipfile_serialization=False)

import gguf

writer = gguf.GGUFWriter(out + "/gguf.gguf", "flux")
writer.add_tensor("double_blocks.0.img_attn.qkv.weight", torch.zeros(4).numpy())
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
