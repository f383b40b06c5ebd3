/* gzip through libdeflate, which inflates whole members two to three times as fast as zlib.
 *
 * It wants the output in one piece, and the length in a member's trailer is that of the last member
 * only, modulo 2^32: it is a first guess, and a member that does not fit is done again with twice
 * the room. */
#include "gzip.h"

#include <libdeflate.h>
#include <string.h>

#include "kernels/base/memory.h"

enum { TRAILER = 18 /* bytes of the smallest member */ };

bool gzip_detect(const uint8_t *bytes, int64_t n) {
  return n >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

static bool only_padding(const uint8_t *bytes, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (bytes[i] != 0) return false;
  return true;
}

/* One member, at bytes[*at]; grows *out as needed. */
static Status inflate_member(struct libdeflate_decompressor *inflater, const char *name,
                             const uint8_t *bytes, int64_t n, int64_t *at, char **out,
                             int64_t *out_n, int64_t *capacity) {
  Status status = OK;
  for (;;) {
    size_t used = 0, made = 0;
    enum libdeflate_result result =
        libdeflate_gzip_decompress_ex(inflater, bytes + *at, (size_t)(n - *at), *out + *out_n,
                                      (size_t)(*capacity - *out_n), &used, &made);
    if (result == LIBDEFLATE_SUCCESS) {
      *at += (int64_t)used;
      *out_n += (int64_t)made;
      return OK;
    }
    if (result != LIBDEFLATE_INSUFFICIENT_SPACE)
      return status_fail(FORMAT,
                         "%s: this gzip file is damaged or cut off (after %lld inflated bytes); "
                         "fetch it again",
                         name, (long long)*out_n);
    TRY(RESERVE(out, capacity, *capacity + 1));
  }
done:
  return status;
}

Status gzip_inflate(const char *name, const uint8_t *bytes, int64_t n, char **out, int64_t *out_n) {
  Status status = OK;
  int64_t capacity = 4096, at = 0;
  *out = NULL;
  *out_n = 0;
  struct libdeflate_decompressor *inflater = libdeflate_alloc_decompressor();
  if (!inflater) return status_fail(MEMORY, "%s: out of memory for inflating it", name);
  if (n >= TRAILER) {
    uint32_t guess = 0;
    memcpy(&guess, bytes + n - 4, sizeof guess); /* little endian, as is every machine we run on */
    /* Deflate makes at most 1,032 bytes of one: a larger guess is a damaged trailer. */
    if (guess / 1032 <= (uint64_t)n) capacity += guess;
  }
  TRY(NEW(out, capacity));
  while (at < n && !only_padding(bytes + at, n - at))
    TRY(inflate_member(inflater, name, bytes, n, &at, out, out_n, &capacity));
done:
  libdeflate_free_decompressor(inflater);
  if (status != OK) memory_free(out);
  return status;
}
