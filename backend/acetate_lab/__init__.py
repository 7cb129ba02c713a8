"""The laboratory: training, evaluation and data sets. The product imports nothing of it."""
