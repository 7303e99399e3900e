"""A test double of the other product of this name, which evaluates language models."""
