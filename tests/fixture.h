/* Fixtures: the numbers of peers in tests/oracle, lines of comma-separated cells. */
#ifndef SEGUE_TESTS_FIXTURE_H
#define SEGUE_TESTS_FIXTURE_H

#include <stdlib.h>

#include "tests/check.h"

/* Open tests/oracle/NAME; a failed check and NULL where it is not there. */
static inline FILE *fixture_open(const char *name) {
  const char *source = getenv("SEGUE_SOURCE");
  char path[1024];
  snprintf(path, sizeof path, "%s/tests/oracle/%s", source ? source : ".", name);
  FILE *file = fopen(path, "r");
  CHECK(file != NULL);
  return file;
}

/* Read the lines below the heading, `columns` numbers from each, into cell, lines x columns; an
 * empty cell is NaN. At most `most` lines; returns how many there were. */
static inline int64_t fixture_read(const char *name, int64_t columns, int64_t most, double *cell) {
  char line[4096];
  int64_t n = 0;
  FILE *file = fixture_open(name);
  if (!file) return 0;
  CHECK(fgets(line, sizeof line, file) != NULL);
  for (; n < most && fgets(line, sizeof line, file); n++) {
    char *at = line;
    for (int64_t c = 0; c < columns; c++) {
      char *end = at;
      double value = strtod(at, &end);
      cell[n * columns + c] = end == at ? NAN : value;
      at = end + (*end == ',');
    }
  }
  fclose(file);
  return n;
}

#endif
