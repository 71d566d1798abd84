// Nothing: the source file that the precompiled header of the libtorch modules hangs on.
