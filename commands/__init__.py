"""The commands' declarations: what click needs; the work lives in the rooms below."""
