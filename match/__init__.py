"""What a live peer says held against a recording: pure, values in and values out."""
