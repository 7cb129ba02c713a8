"""A blind two-choice study: pairs of layers in, a page for people, and what their votes say."""
