"""The arithmetic of a mix, without Spark: what is asked, how much of each part to draw, what the draw came to."""
