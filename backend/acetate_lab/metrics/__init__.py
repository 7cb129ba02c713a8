"""What is measured of layers, whoever made them."""
