/* Allocation with fault points and a balance; see memory.h. */
#define _GNU_SOURCE /* sbrk, madvise */
#include "memory.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fault.h"

enum {
  ALIGNMENT = 64,
  HUGE_PAGE = 1 << 21,
  HUGE_LEAST = 1 << 23, /* bytes that are worth huge pages */
  HEAP_LEAST = 1 << 16, /* bytes of an array with which the heap may have grown */
  HEAP_STEP = 1 << 25,  /* bytes by which it grows */
  KEPT = 1 << 28,       /* bytes that stay free at its end, at most; larger arrays lie outside */
};

static int64_t alive;

/* Large arrays in large pages: less than a tenth of the page faults, and no search for pages while
 * several streams are read and written. The system may decline. */
static void advise_huge(void *p, size_t bytes) {
#ifdef MADV_HUGEPAGE
  (void)madvise(p, bytes, MADV_HUGEPAGE);
#else
  (void)p, (void)bytes;
#endif
}

/* The heap up to here asks for huge pages; NULL: none is wanted for all of it. */
static char *heap_end;

void memory_keep(void) {
  mallopt(M_MMAP_THRESHOLD, KEPT);
  mallopt(M_TRIM_THRESHOLD, KEPT);
  mallopt(M_TOP_PAD, HEAP_STEP);
  heap_end = sbrk(0);
}

/* What the heap has grown by since the last look is new, and not yet touched but for its beginning.
 * Where it shrank and grew again unseen, small pages stay: slower, nothing else. */
static void advise_heap(void) {
  char *end = sbrk(0);
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)heap_end / page * page;
  if (end > heap_end) advise_huge((void *)begin, (uintptr_t)end - begin);
  heap_end = end;
}

void *memory_get_raw(int64_t count, size_t item) {
  size_t bytes = 0;
  void *p = NULL;
  bool fits = count >= 0 && !__builtin_mul_overflow((size_t)count, item, &bytes) &&
              bytes <= SIZE_MAX - 2 * HUGE_PAGE;
  if (fits && !fault_hit(FAULT_MEMORY)) {
    size_t alignment = bytes < HUGE_LEAST ? ALIGNMENT : HUGE_PAGE;
    size_t whole = (bytes + alignment) / alignment * alignment;
    p = aligned_alloc(alignment, whole);
    if (p && alignment == HUGE_PAGE) advise_huge(p, whole);
    if (heap_end && whole >= HEAP_LEAST) advise_heap();
  }
  if (!p) {
    status_fail(MEMORY, "out of memory: %lld items of %zu bytes could not be allocated; use more "
                "nodes or fewer ranks per node", (long long)count, item);
    return NULL;
  }
  alive++;
  return p;
}

void *memory_get(int64_t count, size_t item) {
  void *p = memory_get_raw(count, item);
  if (p) memset(p, 0, (size_t)count * item);
  return p;
}

void *memory_resize(void *old, int64_t old_count, int64_t count, size_t item) {
  char *p = memory_get_raw(count, item);
  if (!p) return NULL;
  int64_t kept = !old ? 0 : old_count < count ? old_count : count;
  if (kept > 0) memcpy(p, old, (size_t)kept * item);
  memset(p + (size_t)kept * item, 0, (size_t)(count - kept) * item);
  memory_release(old);
  return p;
}

void memory_release(void *p) {
  if (!p) return;
  alive--;
  free(p);
}

Status memory_grow(void *address, int64_t old_count, int64_t count, size_t item) {
  void *old = NULL, *p = NULL;
  memcpy(&old, address, sizeof old);
  p = memory_resize(old, old_count, count, item);
  if (!p) return MEMORY;
  memcpy(address, &p, sizeof p);
  return OK;
}

Status memory_reserve(void *address, int64_t *capacity, int64_t need, size_t item) {
  if (need <= *capacity) return OK;
  int64_t larger = *capacity * 2 > need ? *capacity * 2 : need;
  if (larger < 16) larger = 16;
  if (memory_grow(address, *capacity, larger, item) != OK) return MEMORY;
  *capacity = larger;
  return OK;
}

Status memory_reserve_raw(void *address, int64_t *capacity, int64_t used, int64_t need,
                          size_t item) {
  if (need <= *capacity) return OK;
  int64_t larger = *capacity * 2 > need ? *capacity * 2 : need;
  if (larger < 16) larger = 16;
  void *old = NULL, *p = memory_get_raw(larger, item);
  if (!p) return MEMORY;
  memcpy(&old, address, sizeof old);
  int64_t kept = used < *capacity ? used : *capacity;
  if (kept > 0) memcpy(p, old, (size_t)kept * item);
  memory_release(old);
  memcpy(address, &p, sizeof p);
  *capacity = larger;
  return OK;
}

Status memory_text_n(char **out, const char *bytes, size_t n) {
  *out = memory_get((int64_t)n + 1, 1);
  if (!*out) return MEMORY;
  memcpy(*out, bytes, n);
  return OK;
}

Status memory_text(char **out, const char *text) { return memory_text_n(out, text, strlen(text)); }

int64_t memory_balance(void) { return alive; }

int64_t memory_peak(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (int64_t)usage.ru_maxrss * 1024;
}
