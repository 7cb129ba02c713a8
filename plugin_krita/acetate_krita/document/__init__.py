"""Reading from and writing to Krita's documents."""
