"""The plug-in contract: what a wrapper of an engine must do, where it runs, how it is found."""
