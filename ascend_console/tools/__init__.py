"""The outside world: one owner module per side effect."""
