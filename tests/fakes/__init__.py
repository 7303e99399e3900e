"""Test doubles of the vendor's command-line tools: real programs that do none of the real work."""
