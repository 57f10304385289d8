#ifndef CFRAMEZLIB_H
#define CFRAMEZLIB_H

#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

/// An upper bound of the gzip member that `frame_gzip` writes for `length` input bytes.
size_t frame_gzip_bound(size_t length);

/// Compresses `length` bytes at `input` into one gzip member (RFC 1952) at `output`.
///
/// `level` is zlib's, 1 (fastest) to 9 (smallest). Returns the bytes written, or 0 when zlib fails or `capacity` is too
/// small; a gzip member is never empty, so 0 is not a result.
size_t frame_gzip(const uint8_t *input, size_t length, uint8_t *output, size_t capacity, int level);

#endif
