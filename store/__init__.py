"""The recording: its tables, its one writer, its readers."""
