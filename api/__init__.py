"""The library: what `import wsrec` offers, each name in a file that is loaded when it is used."""
