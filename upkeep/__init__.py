"""New recordings from old ones: without secrets, of several, without old sessions."""
