/* What the tests of CSV reading share: a file that all ranks see, random text, ways of reading. */
#ifndef SEGUE_TESTS_IO_CSV_CASE_H
#define SEGUE_TESTS_IO_CSV_CASE_H

#include <stdlib.h>
#include <unistd.h>

#include "io/csv.h"
#include "io/csv_block.h"
#include "io/mapping.h"
#include "kernels/base/memory.h"
#include "tests/check.h"

enum { TEXT = 4000 };

static uint64_t state;
static Comm world;
static char path[64];

static inline uint64_t next(void) {
  uint64_t x = state += 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

static inline int below(int n) { return (int)(next() % (uint64_t)n); }

/* ---- the file and its reading ---- */

static inline void write_file(const char *text, size_t n) {
  comm_barrier_all(&world); /* nobody reads the old one any more */
  if (world.rank == 0) {
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(text, 1, n, file) != n) abort();
    fclose(file);
  }
  comm_barrier_all(&world);
}

typedef struct Group {
  Comm comm;
  bool member;
} Group;

static inline Group group_of(int size) {
  Group group;
  group.member = world.rank < size;
  comm_split_all(&world, group.member ? 0 : 1, &group.comm);
  return group;
}

/* Each way of reading in turn: mapped and copied, with and without AVX-512. */
static inline void take_turns(void) {
  static unsigned turn;
  mapping_allow(turn % 3 > 0);
  csv_wide_off = turn++ % 2 == 0;
}

/* Random text of some rows; `wild`: any soup of special characters. */
static inline int make_text(char *text, bool wild) {
  static const char *const soup[] = {"\"", "\"", ",",    ",",        "\n",  "\r\n", "\r",
                                     "x",  "y ", "\"\"", "\xc3\xa9", ",\"", "\"\n"};
  static const char *const clean[] = {"x", "abc", " ", "\xc3\xa9", "\xe2\x82\xac", "'", "1.5"};
  int n = sprintf(text, "%sa,b,c%s", below(4) == 0 ? "\xef\xbb\xbf" : "", below(2) ? "\n" : "\r\n");
  int pieces = below(wild ? 120 : 90);
  for (int i = 0; i < pieces && n < TEXT - 300; i++) {
    if (wild) {
      n += sprintf(text + n, "%s", soup[below(13)]);
      continue;
    }
    int fields = below(12) == 0 ? 1 + below(4) : 3;
    for (int f = 0; f < fields; f++) {
      bool quoted = below(3) == 0;
      if (f > 0) text[n++] = ',';
      if (quoted) text[n++] = '"';
      for (int j = below(below(10) == 0 ? 30 : 4); j > 0; j--)
        n += sprintf(text + n, "%s",
                     quoted && below(3) == 0 ? soup[1 + 2 * below(2)] : clean[below(7)]);
      if (quoted) {
        static const char *const inside[] = {"\"\"", "\n", "\r\n", ",", ""};
        n += sprintf(text + n, "%s\"", inside[below(5)]);
      }
    }
    if (i + 1 < pieces || below(2))
      n += sprintf(text + n, "%s", below(4) == 0 ? "\r\n" : below(9) == 0 ? "\n\n" : "\n");
  }
  return n;
}

/* ---- hand-made files ---- */

/* Read text with columns given as name, type pairs; NULL ends. Fills table and report. */
static inline Status read_text(const char *text, size_t n, CsvOptions options, Table *table,
                               CsvReport *report) {
  write_file(text, n);
  options.path = path;
  Status status = csv_read_all(&world, &options, 4, table, report);
  comm_barrier_all(&world);
  return status;
}

static inline CsvOptions typed(int64_t n, char **names, CsvColumn *columns) {
  return (CsvOptions){.header = true, .columns = {n, names, columns}};
}

/* Find the row with this id; -1: on another rank. */
static inline int64_t row_with(const Table *table, int64_t id) {
  for (int64_t i = 0; i < table->rows.n; i++)
    if (table->row_id[i] == id) return i;
  return -1;
}

/* ---- the program ---- */

static inline void csv_case_begin(int *argc, char ***argv) {
  MPI_Init(argc, argv);
  world = comm_world();
  const char *seed = getenv("SEED");
  state = seed ? strtoull(seed, NULL, 10) : 4711;
  if (world.rank == 0) printf("seed %llu\n", (unsigned long long)state);
  snprintf(path, sizeof path, "/tmp/segue_csv_%d.csv", (int)getpid());
  comm_broadcast_all(&world, 0, path, sizeof path);
}

static inline int csv_case_end(const char *name) {
  CHECK_INTEGER(memory_balance(), 0);
  if (world.rank == 0) remove(path);
  int failed = check_report(name);
  MPI_Finalize();
  return failed;
}

#endif
