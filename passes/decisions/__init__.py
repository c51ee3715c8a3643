"""What passes of one file decide, where that takes a file of its own."""
