"""Models trained by others' habits in PyTorch, and thermodiff as their client."""
