"""AWS on a laptop: set-up, lanes, the emulator and the stand-in provider plugins."""
