#include "CFrameZlib.h"

#include <limits.h>
#include <string.h>

// zlib's window bits for the largest window, plus 16 to ask for a gzip header and trailer instead of zlib's own.
static const int gzip_window_bits = 15 + 16;
static const int memory_level = 8;
// deflateBound is only exact once a stream exists; compressBound plus a gzip header and trailer is always enough for the
// default window and memory level.
static const size_t gzip_overhead = 18;

size_t frame_gzip_bound(size_t length) { return compressBound((uLong)length) + gzip_overhead; }

size_t frame_gzip(const uint8_t *input, size_t length, uint8_t *output, size_t capacity, int level) {
  if (length > UINT_MAX || capacity > UINT_MAX) return 0;
  z_stream stream;
  memset(&stream, 0, sizeof stream);
  if (deflateInit2(&stream, level, Z_DEFLATED, gzip_window_bits, memory_level, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
  stream.next_in = (Bytef *)input;
  stream.avail_in = (uInt)length;
  stream.next_out = output;
  stream.avail_out = (uInt)capacity;
  int status = deflate(&stream, Z_FINISH);
  size_t written = status == Z_STREAM_END ? (size_t)stream.total_out : 0;
  deflateEnd(&stream);
  return written;
}
