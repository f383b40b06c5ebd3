/* UTF-8: is it? */
#ifndef SEGUE_IO_CSV_UTF8_H
#define SEGUE_IO_CSV_UTF8_H

#include <stdint.h>

/* The first byte from `from` on that is NUL or does not belong to well-formed UTF-8 (Unicode 15,
 * table 3-7: no surrogates, no overlong forms, nothing above U+10FFFF); n when all is well. `from`
 * begins a character. Local. */
int64_t utf8_find_bad(const char *bytes, int64_t from, int64_t n);

#endif
