"""The human in the loop: looking through pictures and keeping the good ones (LayerDiffuse, section 3.4)."""
