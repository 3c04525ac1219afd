"""One mail as the rules see it: envelope, proofs of its sender, who or what wrote it, its identity."""
