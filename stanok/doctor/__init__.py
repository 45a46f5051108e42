"""`stanok doctor`: what is well, what is not, and what to do, one line each."""
