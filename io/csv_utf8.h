/* UTF-8: is it? */
#ifndef SEGUE_IO_CSV_UTF8_H
#define SEGUE_IO_CSV_UTF8_H

#include <stdbool.h>
#include <stdint.h>

/* The first byte from `from` on that is NUL or does not belong to well-formed UTF-8 (Unicode 15,
 * table 3-7: no surrogates, no overlong forms, nothing above U+10FFFF); n when all is well. `from`
 * begins a character. Local. */
int64_t utf8_find_bad(const char *bytes, int64_t from, int64_t n);

/* Is utf8_find_bad(bytes, 0, n) == n? For a caller that has looked at every byte anyway and knows
 * the blocks of 64 bytes where it could be otherwise: `odd` are where those begin, ascending, that
 * hold a byte outside 1 .. 127, or come behind one that has such a byte among its last three. The
 * last byte is inside 1 .. 127. Local. */
bool utf8_blocks_good(const char *bytes, int64_t n, const uint32_t *odd, int64_t n_odd);

#endif
