"""Full-scale data and timings; see README.md."""
