"""One file a screen, each with its ENTRY; the file's name is the screen's."""
