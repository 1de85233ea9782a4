"""Files that are written: where they go, and how none is ever half there or over another."""
