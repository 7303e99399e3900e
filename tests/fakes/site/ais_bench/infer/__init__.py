"""What tells this product from the other one of the same name."""
