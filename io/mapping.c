/* Mapped files; see mapping.h. The pages behind the file's last one are anonymous: the file is
 * mapped over the front of a reserved range. Where the range begins is chosen so that file and
 * memory agree in their place within a huge page, which lets a page table entry serve 2 MB when the
 * page cache holds the file in such pieces. */
#define _GNU_SOURCE
#include "mapping.h"

#include <sys/mman.h>
#include <unistd.h>

enum { MAPPINGS = 8, HUGE = 2 << 20 };

static Mapping *volatile mapped[MAPPINGS];
static struct sigaction before;
static bool forbidden;

static int64_t page_size(void) { return (int64_t)sysconf(_SC_PAGESIZE); }

/* The page at fault becomes zeros if it is one of ours; else the signal takes its old way: the
 * instruction is done again, and whoever handled it before does. Both calls are system calls and
 * nothing more, which a handler may make. */
static void handle(int number, siginfo_t *about, void *context) {
  (void)context;
  const char *at = about->si_addr;
  for (int i = 0; i < MAPPINGS; i++) {
    Mapping *mapping = mapped[i];
    if (!mapping || at < mapping->bytes || at >= mapping->bytes + mapping->n) continue;
    int64_t page = page_size();
    char *begin = mapping->bytes + (at - mapping->bytes) / page * page;
    mapping->broken = 1;
    if (mmap(begin, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
             -1, 0) != MAP_FAILED)
      return;
  }
  sigaction(number, &before, NULL);
}

static bool enter(Mapping *mapping) {
  int used = 0, at = -1;
  for (int i = 0; i < MAPPINGS; i++) {
    used += mapped[i] != NULL;
    if (!mapped[i]) at = i;
  }
  if (at < 0) return false;
  struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigemptyset(&action.sa_mask);
  if (used == 0 && sigaction(SIGBUS, &action, &before) != 0) return false;
  mapped[at] = mapping;
  return true;
}

static void leave(const Mapping *mapping) {
  int used = 0;
  for (int i = 0; i < MAPPINGS; i++) {
    if (mapped[i] == mapping) mapped[i] = NULL;
    used += mapped[i] != NULL;
  }
  if (used == 0) sigaction(SIGBUS, &before, NULL);
}

/* Only the last page and what stands behind it can be written, so that nothing else counts as
 * memory that the system has promised. */
bool mapping_open(Mapping *mapping, int fd, int64_t n, int64_t behind) {
  *mapping = (Mapping){.n = n};
  if (forbidden) return false;
  int64_t page = page_size(), whole = (n + behind + page - 1) / page * page;
  int64_t last = (n - 1) / page * page;
  void *reserved = mmap(NULL, (size_t)(whole + HUGE), PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) return false;
  mapping->reserved = reserved;
  mapping->reserved_n = whole + HUGE;
  mapping->bytes = mapping->reserved + (HUGE - (int64_t)((uintptr_t)reserved % HUGE)) % HUGE;
  bool good =
      mmap(mapping->bytes, (size_t)n, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) != MAP_FAILED &&
      mprotect(mapping->bytes + last, (size_t)(whole - last), PROT_READ | PROT_WRITE) == 0 &&
      enter(mapping);
  if (good) {
    madvise(mapping->bytes, (size_t)n, MADV_SEQUENTIAL); /* advice: no matter if it is not taken */
    return true;
  }
  munmap(reserved, (size_t)mapping->reserved_n);
  *mapping = (Mapping){0};
  return false;
}

void mapping_drop(const Mapping *mapping, int64_t from, int64_t to) {
  int64_t page = page_size(), begin = (from + page - 1) / page * page, end = to / page * page;
  if (begin < end) madvise(mapping->bytes + begin, (size_t)(end - begin), MADV_DONTNEED);
}

void mapping_close(Mapping *mapping) {
  if (!mapping->reserved) return;
  leave(mapping);
  munmap(mapping->reserved, (size_t)mapping->reserved_n);
  *mapping = (Mapping){0};
}

void mapping_allow(bool allowed) { forbidden = !allowed; }
