#pragma once

#include <stddef.h>
#include <stdint.h>

/// libFuzzer's loop (FuzzerInterface.h): the library of `-sanitize=fuzzer` has it.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));
