"""A blind two-choice study: pairs of layers, a page for people, and the evaluation of their votes."""
