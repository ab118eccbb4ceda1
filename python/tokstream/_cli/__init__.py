"""The commands of `tokstream`: one module for each, and what they share."""
