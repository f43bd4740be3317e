"""Stand-ins for the official `aws` and `docker` provider plugins, for the resource types Batchyard uses.

They talk to an emulator only. Where an official plugin is installed it is used instead (see pack.py).
"""
