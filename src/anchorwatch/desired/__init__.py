"""What the repo says: files at a commit, which of them are whose stacks, and what Compose makes of each."""
