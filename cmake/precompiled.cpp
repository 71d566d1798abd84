// Nothing: the source file that a precompiled header hangs on.
