/* Memory: allocation by count through one wrapper that tests can make fail and can balance.
 *
 * Everything is 64-byte aligned, so that BLAS and vector code see the same alignment in every run,
 * and zeroed, but for what NEW_RAW gives: large arrays that are written as a whole before they are
 * read. Array sizes are counts; a product that overflows fails like lack of memory. */
#ifndef SEGUE_BASE_MEMORY_H
#define SEGUE_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"

/* Keep freed memory for the next array, and ask for pages of 2 MB for all of it: columns come and go
 * all the time, and faulting them in by 4 KB takes as long as reading them from a file. For a
 * program to call first, or never; no effect on results. Local. */
void memory_keep(void);

/* Local; use NEW and GROW. NULL on failure, with the message set. count 0 gives a valid pointer. */
void *memory_get(int64_t count, size_t item);
void *memory_get_raw(int64_t count, size_t item); /* not zeroed; use NEW_RAW */
void *memory_resize(void *old, int64_t old_count, int64_t count, size_t item);

/* Free and set to NULL; p is the address of the pointer. Accepts a NULL pointer. Local. */
void memory_release(void *p);
#define memory_free(pointer_address)                                                               \
  (memory_release(*(pointer_address)), (void)(*(pointer_address) = NULL))

/* Duplicate a text. Local. Fails with MEMORY. */
CHECKED Status memory_text(char **out, const char *text);
CHECKED Status memory_text_n(char **out, const char *bytes, size_t n);

/* Allocations alive now: 0 at the end of every test. Local. */
int64_t memory_balance(void);
/* The process's peak resident set in bytes, as the operating system tells. Local. */
int64_t memory_peak(void);

CHECKED static inline Status memory_status(const void *p) { return p ? OK : MEMORY; }

/* Allocate count zeroed items of *address's type: TRY(NEW(&x, n)). */
#define NEW(address, count)                                                                        \
  memory_status(*(address) = memory_get((count), sizeof **(address)))

/* The same for items that may hold anything. */
#define NEW_RAW(address, count)                                                                    \
  memory_status(*(address) = memory_get_raw((count), sizeof **(address)))

/* Make an array of old_count items count long, the new ones zeroed. On failure *address stays. */
#define GROW(address, old_count, count)                                                            \
  memory_grow((void *)(address), (old_count), (count), sizeof **(address))
CHECKED Status memory_grow(void *address, int64_t old_count, int64_t count, size_t item);

/* Grow *capacity so that need items fit, at least doubling; for append loops. */
#define RESERVE(address, capacity, need)                                                           \
  memory_reserve((void *)(address), (capacity), (need), sizeof **(address))
CHECKED Status memory_reserve(void *address, int64_t *capacity, int64_t need, size_t item);

/* The same where only the first `used` items matter: what stands behind them may hold anything. */
#define RESERVE_RAW(address, capacity, used, need)                                                 \
  memory_reserve_raw((void *)(address), (capacity), (used), (need), sizeof **(address))
CHECKED Status memory_reserve_raw(void *address, int64_t *capacity, int64_t used, int64_t need,
                                  size_t item);

#endif
