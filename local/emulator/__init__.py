"""AWS on a laptop, the server's side: moto, with what a batch stage needs and moto lacks.

Each service has a package here with `install(context) -> Service`; `server.py` installs them and serves.
"""
