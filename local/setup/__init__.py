"""Set-up of a machine: finds what is there before it installs, and keeps what it makes in `.batchyard/`.

The bootstrap (`__main__`, `python_environment`) runs on the system's Python with its standard library only; every other
step runs in the environment the bootstrap made.
"""
