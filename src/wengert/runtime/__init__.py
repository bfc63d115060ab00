"""The machine: addresses, object code in memory and on disk, scratch memory, threads, and the calls between Python and native code.

Knows no operation, no IR and no LLVM: it is handed object code and the names in it. Start at `call.Kernel` and `loader.place`.
"""
