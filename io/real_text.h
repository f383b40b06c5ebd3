/* Numbers as text, quickly. */
#ifndef SEGUE_IO_REAL_TEXT_H
#define SEGUE_IO_REAL_TEXT_H

#include <stdint.h>

enum { REAL_TEXT = 40, INTEGER_TEXT = 24 }; /* room that a text needs */

/* A finite number with 15 significant digits, or 16, or 17: the first that reads back to the same
 * bits, correctly rounded, as printf writes it with %g. Returns the length. Local. */
int real_text(double value, char out[REAL_TEXT]);
int integer_text(int64_t value, char out[INTEGER_TEXT]);

#endif
