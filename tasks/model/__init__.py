"""What is learned, and what is done with it: NumPy, SciPy and scikit-learn alone."""
