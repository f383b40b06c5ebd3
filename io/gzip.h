/* gzip: whole files in memory. */
#ifndef SEGUE_IO_GZIP_H
#define SEGUE_IO_GZIP_H

#include <stdbool.h>

#include "kernels/base/status.h"
#include <stddef.h>
#include <stdint.h>

/* Do these bytes begin like a gzip file? Local. */
bool gzip_detect(const uint8_t *bytes, int64_t n);

/* Inflate a gzip file of one or more members (RFC 1952); zero padding at the end is ignored.
 * name  the file, for messages
 * *out  freed with memory_free
 * Local. Fails with FORMAT when it is damaged or cut off, MEMORY. */
CHECKED Status gzip_inflate(const char *name, const uint8_t *bytes, int64_t n, char **out,
                            int64_t *out_n);

#endif
