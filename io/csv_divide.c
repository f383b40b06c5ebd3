/* Ranks first cut the file at the newlines nearest to equal shares of bytes and count what ends
 * there; then everybody knows how many rows there are and which rank will own which, and the ranks
 * that saw the ends in question tell where each share begins. Parsing thus fills whole blocks in
 * their final place: parsing the cuts as they are and moving rows afterwards would copy every
 * column once more. */
#include "csv_divide.h"

#include "kernels/base/memory.h"

typedef struct Count {
  int64_t records, newlines;
} Count;

typedef struct Pass {
  const Comm *comm;
  const CsvSource *source;
  CsvDialect dialect;
  CsvMark data;
  char *buffer;
  int64_t capacity;
  CsvRange range;
} Pass;

/* Where the share of a rank would begin if lines had no length. */
static int64_t nominal(const Pass *pass, int rank) {
  int64_t bytes = pass->source->size - pass->data.at, size = pass->comm->size;
  return pass->data.at + bytes / size * rank + bytes % size * rank / size;
}

static Status first_line(const Pass *pass, int64_t *begin) {
  int rank = pass->comm->rank;
  int64_t from = nominal(pass, rank), to = nominal(pass, rank + 1);
  *begin = from == pass->data.at && (rank == 0 || to > from) ? from : -1;
  if (*begin >= 0 || to == from) return OK;
  return csv_line_begin(pass->source, from, to, pass->buffer, pass->capacity, begin);
}

/* This rank's range: from its first line to that of the next rank that has one. */
static Status set_range_all(Pass *pass) {
  Status status = OK;
  const Comm *comm = pass->comm;
  int64_t begin = -1, *begins = NULL;
  AGREE(comm, first_line(pass, &begin));
  AGREE(comm, NEW(&begins, comm->size + 1));
  comm_allgather_all(comm, &begin, sizeof begin, begins);
  begins[comm->size] = pass->source->size;
  for (int r = comm->size - 1; r >= 0; r--)
    if (begins[r] < 0) begins[r] = begins[r + 1];
  pass->range = (CsvRange){.begin = begins[comm->rank], .end = begins[comm->rank + 1]};
done:
  memory_free(&begins);
  return status;
}

static Status scan(Pass *pass, CsvState entry, CsvState *other) {
  pass->range.entry = entry;
  return csv_range_scan(pass->source, pass->dialect, &pass->range, other, pass->buffer,
                        pass->capacity);
}

/* Scan as if the range began at a record, learn from the ranks before whether it does, and scan
 * again if it began inside quotes. */
static Status scan_all(Pass *pass) {
  Status status = OK;
  const Comm *comm = pass->comm;
  CsvState mine[2] = {CSV_AT_RECORD, CSV_QUOTED}, (*exits)[2] = NULL, entry = CSV_AT_RECORD;
  AGREE(comm, scan(pass, CSV_AT_RECORD, &mine[1]));
  mine[0] = pass->range.exit;
  AGREE(comm, NEW(&exits, comm->size));
  comm_allgather_all(comm, mine, sizeof mine, exits);
  for (int r = 0; r < comm->rank; r++) entry = exits[r][entry == CSV_QUOTED];
  AGREE(comm, entry == CSV_QUOTED ? scan(pass, CSV_QUOTED, NULL) : OK);
done:
  memory_free(&exits);
  return status;
}

/* The place behind row `row` if it ends in this rank's range, of which `before` tells what stands
 * before it; else zeros, so that a sum over ranks gives the place. */
static Status mark_end(const Pass *pass, Count before, int64_t row, CsvMark *mark) {
  *mark = (CsvMark){0, 0};
  int64_t j = row - before.records;
  if (j < 0 || j >= pass->range.records) return OK;
  Status status = csv_range_find(pass->source, pass->dialect, &pass->range, j, pass->buffer,
                                 pass->capacity, mark);
  mark->lines += before.newlines + pass->data.lines;
  return status;
}

/* Where each rank's rows begin: size + 1 marks. */
static Status mark_shares(const Pass *pass, Count before, const Rows *rows, CsvMark *marks) {
  Status status = OK;
  for (int r = 0; r <= pass->comm->size; r++) {
    int64_t first = r == pass->comm->size
                        ? rows->n_global
                        : rows_of(rows->n_global, rows->block, r, pass->comm->size).begin;
    if (first > 0)
      TRY(mark_end(pass, before, first - 1, &marks[r]));
    else if (pass->comm->rank == 0)
      marks[r] = pass->data;
  }
done:
  return status;
}

static Status share_all(const Pass *pass, int64_t block, CsvShare *share) {
  Status status = OK;
  const Comm *comm = pass->comm;
  CsvMark *marks = NULL;
  Count before = {comm_exscan_all(comm, pass->range.records),
                  comm_exscan_all(comm, pass->range.newlines)};
  int64_t n_global = comm_sum_one_all(comm, pass->range.records);
  share->rows = rows_share(comm, n_global, block);
  AGREE(comm, NEW(&marks, comm->size + 1));
  AGREE(comm, mark_shares(pass, before, &share->rows, marks));
  comm_sum_all(comm, &marks->at, 2 * (comm->size + INT64_C(1)));
  bool last = comm->rank == comm->size - 1;
  share->begin = marks[comm->rank];
  share->end = last ? pass->source->size : marks[comm->rank + 1].at;
done:
  memory_free(&marks);
  return status;
}

Status csv_divide_all(const Comm *comm, const CsvSource *source, CsvDialect dialect, CsvMark data,
                      int64_t block, int64_t buffer, CsvShare *share) {
  Status status = OK;
  Pass pass = {.comm = comm, .source = source, .dialect = dialect, .data = data};
  pass.capacity = buffer / 64 * 64;
  AGREE(comm,
        csv_source_in_place(source) ? OK : NEW_RAW(&pass.buffer, pass.capacity + CSV_PADDING));
  TRY(set_range_all(&pass));
  TRY(scan_all(&pass));
  TRY(share_all(&pass, block, share));
done:
  csv_range_clear(&pass.range);
  memory_free(&pass.buffer);
  return status;
}
