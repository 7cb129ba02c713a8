"""The rest of an artist's kit: ControlNet, T2I-Adapter, IP-Adapter and LoRA, on any model and with any part."""
