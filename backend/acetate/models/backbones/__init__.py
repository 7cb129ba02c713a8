"""What a model draws with: the networks of each architecture behind one interface."""
