/* Making the rows of draws; see draws.h.
 *
 * This rank's rows and what comes of them are a run of the new rows, in order: a column is written
 * as a whole into a scratch, and pieces of it go to the ranks whose share the run lies in. Nothing
 * but what changes its rank is sent. All columns have items of eight bytes. */
#include "draws.h"

#include <string.h>

#include "kernels/base/memory.h"

/* Numbers of rows of files are below this. */
enum { ADDRESS_BITS = 40 };

Status draws_init(Draws *draws, int64_t n) {
  Status status = OK;
  *draws = (Draws){.n = n};
  TRY(NEW_RAW(&draws->copies, n));
  TRY(NEW(&draws->begin, n + 1));
  for (int64_t i = 0; i < n; i++) draws->copies[i] = 1;
done:
  return status;
}

void draws_count(Draws *draws) {
  for (int64_t i = 0; i < draws->n; i++)
    draws->begin[i + 1] = draws->begin[i] + (draws->copies[i] > 1 ? draws->copies[i] - 1 : 0);
}

Status draws_make(Draws *draws) {
  Status status = OK;
  int64_t n = draws->begin[draws->n];
  TRY(NEW_RAW(&draws->made, n));
  for (int64_t k = 0; k < n; k++) draws->made[k] = (Draw){.other = -1};
done:
  return status;
}

void draws_clear(Draws *draws) {
  memory_free(&draws->copies);
  memory_free(&draws->begin);
  memory_free(&draws->made);
}

void resampled_clear(Resampled *rows) {
  matrix_clear(&rows->x);
  memory_free(&rows->target);
  memory_free(&rows->weight);
  memory_free(&rows->group);
  memory_free(&rows->row_id);
  memory_free(&rows->synthetic);
}

TrainingData resampled_data(const TrainingData *data, const Resampled *rows) {
  TrainingData out = *data;
  out.x = &rows->x;
  out.target = rows->target;
  out.weight = rows->weight;
  out.group = rows->group;
  out.row_id = rows->row_id;
  out.synthetic = rows->synthetic;
  return out;
}

/* ---- where the new rows go ---- */

/* Items of eight bytes, whatever they are. */
typedef uint64_t Word;

typedef struct Spreading {
  const Comm *comm;
  Rows rows;      /* this rank's share of the new rows */
  int64_t *first; /* size + 1: the number of the first row that a rank makes */
  int64_t width;  /* columns */
  Word *send, *scratch;
  int64_t *counts; /* 2 x size: words to send, and words that came */
} Spreading;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* Rows that rank `from` makes and rank `to` owns: the first one's number; the count is returned. */
static int64_t crossing(const Spreading *s, int from, int to, int64_t *begin) {
  Rows share = rows_of(s->rows.n_global, s->rows.block, to, s->comm->size);
  *begin = most(s->first[from], share.begin);
  return most(least(s->first[from + 1], share.begin + share.n) - *begin, 0);
}

static Status spreading_room(Spreading *s) {
  Status status = OK;
  int64_t words = 0, begin = 0;
  int mine = s->comm->rank;
  for (int r = 0; r < s->comm->size; r++) {
    s->counts[r] = r == mine ? 0 : crossing(s, mine, r, &begin) * s->width;
    words += s->counts[r];
  }
  TRY(NEW_RAW(&s->send, words));
  TRY(NEW_RAW(&s->scratch, s->first[mine + 1] - s->first[mine]));
done:
  return status;
}

static Status spreading_init_all(const Comm *comm, int64_t n, int64_t block, int64_t width,
                                 Spreading *s) {
  Status status = OK;
  *s = (Spreading){.comm = comm, .width = width};
  Status local = NEW(&s->first, comm->size + 1);
  if (local == OK) local = NEW(&s->counts, 2 * comm->size);
  AGREE(comm, local);
  comm_allgather_all(comm, &n, sizeof n, s->first + 1);
  for (int r = 0; r < comm->size; r++) s->first[r + 1] += s->first[r];
  s->rows = rows_share(comm, s->first[comm->size], block);
  AGREE(comm, spreading_room(s));
done:
  return status;
}

static void spreading_clear(Spreading *s) {
  memory_free(&s->first);
  memory_free(&s->counts);
  memory_free(&s->send);
  memory_free(&s->scratch);
}

/* The j-th column, as it stands in the scratch. to: this rank's share of it. */
static void put_column(const Spreading *s, int64_t j, Word *to) {
  int mine = s->comm->rank;
  Word *send = s->send;
  for (int r = 0; r < s->comm->size; r++) {
    int64_t begin = 0, n = crossing(s, mine, r, &begin);
    if (n == 0) continue;
    Word *into = r == mine ? to + (begin - s->rows.begin) : send + j * n;
    memcpy(into, s->scratch + (begin - s->first[mine]), (size_t)n * sizeof *into);
    if (r != mine) send += n * s->width;
  }
}

/* What other ranks made for this one. columns: width */
static Status exchange_all(const Spreading *s, Word *const *columns) {
  Status status = OK;
  void *received = NULL;
  TRY(comm_exchange_all(s->comm, s->send, s->counts, sizeof(Word), &received,
                        s->counts + s->comm->size));
  const Word *from = received;
  for (int r = 0; r < s->comm->size; r++) {
    int64_t begin = 0, n = r == s->comm->rank ? 0 : crossing(s, r, s->comm->rank, &begin);
    for (int64_t j = 0; n > 0 && j < s->width; j++, from += n)
      memcpy(columns[j] + (begin - s->rows.begin), from, (size_t)n * sizeof *from);
  }
done:
  memory_free(&received);
  return status;
}

/* ---- columns into the scratch ---- */

/* Rows that are repeated. */
static void write_words(const Draws *draws, const Word *from, Word *out) {
  for (int64_t i = 0; i < draws->n; i++)
    for (int32_t c = 0; c < draws->copies[i]; c++) *out++ = from[i];
}

/* Added rows take value[i] of the row they come from. */
static void write_fixed(const Draws *draws, const double *from, const double *value, double *out) {
  for (int64_t i = 0; i < draws->n; i++) {
    if (draws->copies[i] > 0) *out++ = from[i];
    for (int32_t c = 1; c < draws->copies[i]; c++) *out++ = value[i];
  }
}

static void write_between(const Draws *draws, const double *from, const double *others,
                          double *out) {
  const Draw *made = draws->made;
  for (int64_t i = 0; i < draws->n; i++) {
    double x = from[i];
    if (draws->copies[i] > 0) *out++ = x;
    for (int32_t c = 1; c < draws->copies[i]; c++, made++)
      *out++ = made->other < 0 ? x : x + made->gap * (others[made->other] - x);
  }
}

/* An added row has its own address: its number among those of its row, above all rows of files. */
static void write_addresses(const Draws *draws, const TrainingData *data, int64_t *out) {
  for (int64_t i = 0; i < draws->n; i++) {
    int64_t id = data->row_id ? data->row_id[i] : data->x->rows.begin + i;
    for (int64_t c = 0; c < draws->copies[i]; c++) *out++ = id + (c << ADDRESS_BITS);
  }
}

static void write_flags(const Draws *draws, Word *out) {
  for (int64_t i = 0; i < draws->n; i++)
    for (int32_t c = 0; c < draws->copies[i]; c++) *out++ = c > 0;
}

static void write_feature(const Draws *draws, const Matrix *x, int64_t j, void *scratch) {
  const double *from = matrix_column(x, j);
  if (!draws->made)
    write_words(draws, (const Word *)(const void *)from, scratch);
  else if (draws->fixed && draws->fixed[j])
    write_fixed(draws, from, draws->value[j], scratch);
  else
    write_between(draws, from, draws->others[j], scratch);
}

/* Words of a column that is there already, or the addresses of rows. */
static void write_group(const Draws *draws, const TrainingData *data, Word *out) {
  for (int64_t i = 0; i < draws->n; i++) {
    int64_t id = data->row_id ? data->row_id[i] : data->x->rows.begin + i;
    int64_t group = data->group ? data->group[i] : id;
    for (int32_t c = 0; c < draws->copies[i]; c++) *out++ = (Word)group;
  }
}

/* ---- the rows ---- */

enum { TARGET, ROW_ID, FLAG, GROUP, WEIGHT, MORE };

static Status result_init(const TrainingData *data, const Rows *rows, bool grouped,
                          Resampled *out) {
  Status status = OK;
  const Matrix *x = data->x;
  TRY(matrix_init(&out->x, rows, x->d));
  for (int64_t j = 0; x->names && j < x->d; j++)
    if (x->names[j]) TRY(memory_text(&out->x.names[j], x->names[j]));
  if (x->categories) {
    TRY(NEW(&out->x.categories, x->d));
    memcpy(out->x.categories, x->categories, (size_t)x->d * sizeof *x->categories);
  }
  TRY(NEW_RAW(&out->target, rows->n));
  TRY(NEW_RAW(&out->row_id, rows->n));
  TRY(NEW_RAW(&out->synthetic, rows->n));
  if (grouped) TRY(NEW_RAW(&out->group, rows->n));
  if (data->weight) TRY(NEW_RAW(&out->weight, rows->n));
done:
  return status;
}

/* Write all columns but those sent here by others; columns: d + MORE places. */
static void write_rows(const Spreading *s, const TrainingData *data, const Draws *draws,
                       Word **columns) {
  int64_t d = data->x->d, j = 0;
  Word *scratch = s->scratch;
  for (; j < d; j++) {
    write_feature(draws, data->x, j, scratch);
    put_column(s, j, columns[j]);
  }
  write_words(draws, (const Word *)(const void *)data->target, scratch);
  put_column(s, d + TARGET, columns[d + TARGET]);
  write_addresses(draws, data, (int64_t *)(void *)scratch);
  put_column(s, d + ROW_ID, columns[d + ROW_ID]);
  write_flags(draws, scratch);
  put_column(s, d + FLAG, columns[d + FLAG]);
  if (columns[d + GROUP]) {
    write_group(draws, data, scratch);
    put_column(s, d + GROUP, columns[d + GROUP]);
  }
  if (!columns[d + WEIGHT]) return;
  write_words(draws, (const Word *)(const void *)data->weight, scratch);
  put_column(s, s->width - 1, columns[d + WEIGHT]);
}

Status draws_rows_all(const Comm *comm, const TrainingData *data, const Draws *draws,
                      Resampled *out) {
  Status status = OK;
  Spreading s = {0};
  Word **columns = NULL, *flags = NULL;
  int64_t n = 0, d = data->x->d;
  for (int64_t i = 0; i < draws->n; i++) n += draws->copies[i];
  bool grouped = data->group || comm_any_all(comm, draws->begin[draws->n] > 0);
  int64_t width = d + MORE - !grouped - !data->weight;
  TRY(spreading_init_all(comm, n, data->x->rows.block, width, &s));
  if (s.rows.n_global == 0)
    TRY(status_fail(INVALID, "no training row is left")); /* the same on all ranks */
  AGREE(comm, result_init(data, &s.rows, grouped, out));
  Status local = NEW(&columns, d + MORE);
  if (local == OK) local = NEW_RAW(&flags, s.rows.n);
  AGREE(comm, local);
  for (int64_t j = 0; j < d; j++) columns[j] = (Word *)(void *)matrix_column(&out->x, j);
  columns[d + TARGET] = (Word *)(void *)out->target;
  columns[d + ROW_ID] = (Word *)(void *)out->row_id;
  columns[d + FLAG] = flags;
  columns[d + GROUP] = (Word *)(void *)out->group;
  columns[d + WEIGHT] = (Word *)(void *)out->weight;
  write_rows(&s, data, draws, columns);
  if (!grouped) columns[d + GROUP] = columns[d + WEIGHT]; /* the one behind FLAG that was sent */
  TRY(exchange_all(&s, columns));
  for (int64_t i = 0; i < s.rows.n; i++) out->synthetic[i] = (uint8_t)flags[i];
done:
  memory_free(&columns);
  memory_free(&flags);
  spreading_clear(&s);
  return status;
}
