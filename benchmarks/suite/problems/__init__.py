"""One file a problem; each is found by the class in it that is a `Problem` with a name."""
