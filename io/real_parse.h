/* Numbers as people write them: correctly rounded doubles and exact 64-bit integers.
 *
 * A double is the one nearest to the decimal text, ties to even, whatever the locale. The grammar
 * is
 * [+-] digits [. digits] [e [+-] digits], with a digit on at least one side of the point: no
 * blanks, no hexadecimal, no "inf", no "nan". */
#ifndef SEGUE_IO_REAL_PARSE_H
#define SEGUE_IO_REAL_PARSE_H

#include <stdint.h>

typedef enum NumberParse {
  NUMBER_OK,
  NUMBER_NONE,  /* not a number as a whole */
  NUMBER_RANGE, /* a number that the type cannot hold */
} NumberParse;

/* Parse text[0 .. n - 1]; *value is set only with NUMBER_OK. A number too small for a double is
 * zero, one too large is NUMBER_RANGE. Local.
 * Methods: Clinger 1990 (exact small cases); a 192-bit product in the manner of Lemire 2021,
 * accepted only when both ends of its error interval round alike; else strtod in the C locale. */
NumberParse real_parse(const char *text, int64_t n, double *value);

/* The same for [+-] digits. INT64_MIN counts as out of range: it marks a missing value. Local. */
NumberParse integer_parse(const char *text, int64_t n, int64_t *value);

#endif
