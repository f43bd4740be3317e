"""The tables and objects that collect, analyse and render share."""
