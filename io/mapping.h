/* A file's bytes in memory, without a copy, and without the ways in which a mapping can kill.
 *
 * Touching a page that cannot be read (an I/O error, or a file that somebody has made shorter)
 * sends SIGBUS. Here zeros appear in its place and the mapping counts as broken, so that whoever
 * reads it goes on in peace, asks at the end, and fails with a message. */
#ifndef SEGUE_IO_MAPPING_H
#define SEGUE_IO_MAPPING_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Mapping {
  char *bytes; /* n of the file, and `behind` zeros; private: what is written reaches no file */
  char *reserved;
  int64_t n, reserved_n;
  volatile sig_atomic_t broken;
} Mapping;

/* Map the first n bytes of a file, with at least `behind` writable zeros behind them. false: this
 * file cannot be mapped (or too many are): read it. The mapping must not move while it is open.
 * Local, from one thread at a time. */
bool mapping_open(Mapping *mapping, int fd, int64_t n, int64_t behind);
/* Give back the memory of bytes from .. to - 1, whole pages of them: they are read again if they
 * are wanted again. Nothing may have been written there. Local. */
void mapping_drop(const Mapping *mapping, int64_t from, int64_t to);
/* Accepts one that is not open. Local. */
void mapping_close(Mapping *mapping);
/* For tests: with false no file can be mapped. Local. */
void mapping_allow(bool allowed);

#endif
