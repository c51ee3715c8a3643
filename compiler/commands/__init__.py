"""What each command of the command line does: call the compiler, show the result, choose the exit status."""
