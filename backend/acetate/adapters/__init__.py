"""Adapters of a UNet: LayerDiffuse's own, ControlNet, T2I-Adapter, IP-Adapter and LoRA, in any combination."""
