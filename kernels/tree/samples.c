/* The binned training rows, replicated once per node; see samples.h.
 *
 * On one node every rank writes its own rows into the window. Over several nodes each rank
 * broadcasts its rows CHUNK at a time and the owner of every window copies them, so that no rank
 * ever holds a second copy of everything. Recording numbers are made dense by the owners. */
#include "samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "binned.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/exact.h"

enum { CHUNK = 65536, LINE = 64 };

static size_t whole_lines(int64_t bytes) { return (size_t)((bytes + LINE - 1) / LINE * LINE); }

/* What a row consists of, for a contiguous run of rows. */
typedef struct Run {
  uint8_t *codes;
  uint32_t *target;
  int64_t *group;  /* recording numbers as given; NULL: none */
  int32_t *weight; /* NULL: none */
} Run;

static int bit_length(int64_t x) { return x > 0 ? 64 - __builtin_clzll((uint64_t)x) : 0; }

static int32_t weight_of(const TrainingData *data, const Samples *s, int64_t i) {
  double weight = rint(data->weight[i] * s->weight_scale);
  return weight < 1 ? 1 : (int32_t)weight;
}

/* Scale and bound of the row weights. Collective. bits: that the target's levels want. */
static void choose_weights_all(const Comm *comm, const TrainingData *data, int bits, Samples *out) {
  enum { WANTED = 16 };
  int64_t n = data->x->rows.n_global, mine = data->weight ? data->x->rows.n : 0, sum = 0;
  double largest = 0, total = exact_sum_all(comm, data->weight, mine);
  double room = ldexp(1, (62 - (bits < WANTED ? bits : WANTED)) / 2) / SAMPLES_WEIGHT_SHARE;
  bool whole = true;
  for (int64_t i = 0; i < mine; i++) {
    largest = fmax(largest, data->weight[i]);
    whole = whole && data->weight[i] == floor(data->weight[i]);
  }
  comm_max_real_all(comm, &largest, 1);
  whole = !comm_any_all(comm, !whole);
  double most = ldexp(1, SAMPLES_WEIGHT_BITS), scale = 1;
  if (!whole || largest >= most || total >= room) {
    scale = most;
    /* No more than one unit for every row is ever added by rounding up. */
    while (scale > 0x1p-20 && (largest * scale >= most || total * scale + (double)n >= room)) {
      scale /= 2;
    }
  }
  out->weight_scale = scale;
  for (int64_t i = 0; i < mine; i++) sum += weight_of(data, out, i);
  out->rows.weight_max = SAMPLES_WEIGHT_SHARE * comm_sum_one_all(comm, sum);
}

/* Scale of the levels: base, unit, bits; and of the weights. Collective. */
static Status choose_scale_all(const Comm *comm, const TrainingData *data, bool weighted,
                               bool replicated, Samples *out) {
  int64_t n = data->x->rows.n_global;
  out->rows.bits = 1;
  out->unit = 1;
  double ends[2] = {-INFINITY, -INFINITY}; /* -min, max */
  bool integral = true;
  for (int64_t i = 0; i < data->x->rows.n; i++) {
    double y = data->target[i];
    ends[0] = fmax(ends[0], -y);
    ends[1] = fmax(ends[1], y);
    integral = integral && y == floor(y);
  }
  comm_max_real_all(comm, ends, 2);
  integral = !comm_any_all(comm, !integral);
  double range = ends[0] + ends[1];
  bool classes = data->task == TASK_CLASSIFICATION;
  integral = integral && range < (double)(INT64_C(1) << SAMPLES_BITS_MAX);
  int wanted = classes ? 1 : integral ? bit_length((int64_t)range) : SAMPLES_BITS_MAX;
  out->rows.weight_max = SAMPLES_WEIGHT_SHARE * n;
  out->weight_scale = 1;
  if (weighted) choose_weights_all(comm, data, wanted, out);
  int most = 62 - 2 * bit_length(out->rows.weight_max);
  if (most > SAMPLES_BITS_MAX) most = SAMPLES_BITS_MAX;
  if (most < SAMPLES_BITS_MIN && replicated) {
    return status_fail(INVALID,
                       "%lld rows are too many for trees on a replicated table, which takes at "
                       "most 33 million; set spread to rows",
                       (long long)n);
  }
  if (out->rows.weight_max > INT32_MAX) {
    return status_fail(INVALID, "%lld rows are too many for one forest; train on at most %lld",
                       (long long)n, (long long)(INT32_MAX / SAMPLES_WEIGHT_SHARE));
  }
  if (most < SAMPLES_BITS_MIN) most = SAMPLES_BITS_MIN;
  if (classes) {
    out->rows.n_classes = data->n_classes > 2 ? data->n_classes : 0;
    return OK;
  }
  out->base = -ends[0];
  if (!isfinite(range)) {
    return status_fail(NUMERIC, "target: values from %g to %g are too far apart", out->base,
                       ends[1]);
  }
  if (range == 0) return OK;
  if (integral && range < (double)(INT64_C(1) << most)) {
    out->rows.bits = bit_length((int64_t)range);
    return OK;
  }
  out->rows.bits = most;
  out->unit = range / (double)((INT64_C(1) << most) - 1);
  return OK;
}

static uint32_t level_of(const TrainingData *data, const Samples *s, int64_t i) {
  double y = data->target[i];
  return (uint32_t)(data->task == TASK_CLASSIFICATION ? y : rint((y - s->base) / s->unit));
}

/* This rank's rows begin .. begin + n - 1 (local numbers) into run. */
static void write_run(const TrainingData *data, const Samples *s, int64_t begin, int64_t n,
                      Run *run) {
  binned_encode(data, s->rows.bins, begin, n, run->codes);
  for (int64_t i = 0; i < n; i++) run->target[i] = level_of(data, s, begin + i);
  for (int64_t i = 0; run->group && i < n; i++) run->group[i] = data->group[begin + i];
  for (int64_t i = 0; run->weight && i < n; i++) run->weight[i] = weight_of(data, s, begin + i);
}

static void shift_run(const Run *run, int64_t rows, int64_t stride, Run *out) {
  *out = (Run){run->codes + rows * stride, run->target + rows,
               run->group ? run->group + rows : NULL, run->weight ? run->weight + rows : NULL};
}

/* Send every rank's rows to all, chunk by chunk; owners keep them. */
static Status spread_rows_all(const Comm *comm, const TrainingData *data, const Samples *s,
                              const Run *all) {
  Status status = OK;
  int64_t stride = bins_stride(s->rows.bins->d);
  int64_t largest = comm_max_one_all(comm, data->x->rows.n);
  int64_t chunk_rows = largest < CHUNK ? largest : CHUNK;
  int64_t mine[2] = {data->x->rows.begin, data->x->rows.n}, *shares = NULL;
  size_t bytes[4] = {whole_lines(chunk_rows * stride),
                     whole_lines(chunk_rows * (int64_t)sizeof(uint32_t)),
                     all->group ? whole_lines(chunk_rows * (int64_t)sizeof(int64_t)) : 0,
                     all->weight ? whole_lines(chunk_rows * (int64_t)sizeof(int32_t)) : 0};
  size_t whole = bytes[0] + bytes[1] + bytes[2] + bytes[3];
  char *buffer = NULL;
  Status local = NEW(&shares, 2 * comm->size);
  if (local == OK) local = NEW(&buffer, (int64_t)whole);
  AGREE(comm, local);
  comm_allgather_all(comm, mine, sizeof mine, shares);
  char *end = buffer + whole;
  Run chunk = {(uint8_t *)buffer, (uint32_t *)(void *)(buffer + bytes[0]),
               all->group ? (int64_t *)(void *)(buffer + bytes[0] + bytes[1]) : NULL,
               all->weight ? (int32_t *)(void *)(end - bytes[3]) : NULL};
  for (int rank = 0; rank < comm->size; rank++) {
    for (int64_t done = 0; done < shares[2 * rank + 1]; done += chunk_rows) {
      int64_t left = shares[2 * rank + 1] - done, n = left < chunk_rows ? left : chunk_rows;
      if (rank == comm->rank) write_run(data, s, done, n, &chunk);
      comm_broadcast_all(comm, rank, buffer, whole);
      if (!s->shared.owner) continue;
      Run to;
      shift_run(all, shares[2 * rank] + done, stride, &to);
      memcpy(to.codes, chunk.codes, (size_t)(n * stride));
      memcpy(to.target, chunk.target, (size_t)n * sizeof *to.target);
      if (to.group) memcpy(to.group, chunk.group, (size_t)n * sizeof *to.group);
      if (to.weight) memcpy(to.weight, chunk.weight, (size_t)n * sizeof *to.weight);
    }
  }
done:
  memory_free(&shares);
  memory_free(&buffer);
  return status;
}

static int compare_integers(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* Dense numbers for values of a narrow range, by a table. */
static Status dense_by_table(const int64_t *raw, int64_t n, int64_t low, int64_t range,
                             int32_t *dense, int64_t *n_groups) {
  Status status = OK;
  int32_t *number = NULL;
  TRY(NEW(&number, range));
  for (int64_t i = 0; i < n; i++) number[raw[i] - low] = 1;
  int32_t next = 0;
  for (int64_t v = 0; v < range; v++) {
    if (number[v]) number[v] = next++;
  }
  for (int64_t i = 0; i < n; i++) dense[i] = number[raw[i] - low];
  *n_groups = next;
done:
  memory_free(&number);
  return status;
}

/* The same for any values, by sorting. */
static Status dense_by_sort(const int64_t *raw, int64_t n, int32_t *dense, int64_t *n_groups) {
  Status status = OK;
  int64_t *sorted = NULL, count = 0;
  TRY(NEW(&sorted, n));
  memcpy(sorted, raw, (size_t)n * sizeof *raw);
  qsort(sorted, (size_t)n, sizeof *sorted, compare_integers);
  for (int64_t i = 0; i < n; i++) {
    if (count == 0 || sorted[i] != sorted[count - 1]) sorted[count++] = sorted[i];
  }
  for (int64_t i = 0; i < n; i++) {
    const int64_t *at = bsearch(&raw[i], sorted, (size_t)count, sizeof *sorted, compare_integers);
    dense[i] = (int32_t)(at - sorted);
  }
  *n_groups = count;
done:
  memory_free(&sorted);
  return status;
}

/* Recording numbers -> 0 .. n_groups - 1, in their order. raw NULL: every row is its own. */
static Status number_groups(const int64_t *raw, int64_t n, int32_t *dense, int64_t *n_groups) {
  *n_groups = n;
  if (!raw) {
    for (int64_t i = 0; i < n; i++) dense[i] = (int32_t)i;
    return OK;
  }
  int64_t low = INT64_MAX, high = INT64_MIN;
  for (int64_t i = 0; i < n; i++) {
    low = raw[i] < low ? raw[i] : low;
    high = raw[i] > high ? raw[i] : high;
  }
  uint64_t range = (uint64_t)high - (uint64_t)low;
  if (range < (uint64_t)(8 * n + 1024)) {
    return dense_by_table(raw, n, low, (int64_t)range + 1, dense, n_groups);
  }
  return dense_by_sort(raw, n, dense, n_groups);
}

/* Fill the shared arrays from all ranks' rows. */
static Status fill_all(const Comm *comm, const TrainingData *data, bool direct, Run *all,
                       int32_t *group, SharedMemory *raw, Samples *out) {
  Status status = OK;
  bool one_window = direct && out->shared.window && out->shared.node.size == comm->size &&
                    (!all->group || raw->window);
  if (comm_any_all(comm, !one_window)) {
    TRY(spread_rows_all(comm, data, out, all));
  } else {
    Run mine;
    shift_run(all, data->x->rows.begin, bins_stride(out->rows.bins->d), &mine);
    write_run(data, out, 0, data->x->rows.n, &mine);
  }
  if (all->group) comm_shared_publish_all(comm, raw);
  int64_t n_groups = 0;
  status = out->shared.owner ? number_groups(all->group, out->rows.n, group, &n_groups) : OK;
  AGREE(comm, status);
  out->n_groups = comm_max_one_all(comm, n_groups);
  comm_shared_publish_all(comm, &out->shared);
done:
  return status;
}

Status samples_init_all(const Comm *comm, const TrainingData *data, const Bins *bins, bool direct,
                        Samples *out) {
  Status status = OK;
  SharedMemory raw = {.win = MPI_WIN_NULL};
  int64_t n = data->x->rows.n_global;
  size_t codes_bytes = whole_lines(n * bins_stride(bins->d));
  size_t word_bytes = whole_lines(n * (int64_t)sizeof(uint32_t));
  *out = (Samples){.rows = {.n = n, .bins = bins}, .n_global = n, .shared = {.win = MPI_WIN_NULL}};
  AGREE(comm, training_check(data, TRAINING_WEIGHT_MOST));
  bool weighted = comm_any_all(comm, data->weight != NULL);
  TRY(choose_scale_all(comm, data, weighted, true, out)); /* the same on all ranks */
  TRY(comm_shared_new_all(comm, codes_bytes + (weighted ? 3 : 2) * word_bytes, &out->shared));
  bool grouped = comm_any_all(comm, data->group != NULL);
  if (grouped) TRY(comm_shared_new_all(comm, (size_t)n * sizeof(int64_t), &raw));
  char *base = out->shared.data;
  int32_t *group = (int32_t *)(void *)(base + codes_bytes + word_bytes);
  int32_t *weight = (int32_t *)(void *)(base + codes_bytes + 2 * word_bytes);
  Run all = {(uint8_t *)base, (uint32_t *)(void *)(base + codes_bytes), raw.data,
             weighted ? weight : NULL};
  out->rows.codes = all.codes;
  out->rows.target = all.target;
  out->group = group;
  out->weight = all.weight;
  TRY(fill_all(comm, data, direct, &all, group, &raw, out));
done:
  if (raw.data) comm_shared_clear_all(&raw);
  return status;
}

/* Number this rank's recordings, 0 .. n_groups - 1; value: out, what they are over all ranks. */
static Status number_own(const TrainingData *data, int32_t *group, int64_t *n_groups,
                         int64_t **value) {
  Status status = OK;
  int64_t n = data->x->rows.n;
  TRY(number_groups(data->group, n, group, n_groups));
  TRY(NEW(value, *n_groups));
  for (int64_t i = 0; i < n; i++) {
    (*value)[group[i]] = data->group ? data->group[i] : data->x->rows.begin + i;
  }
done:
  return status;
}

Status samples_init_own_all(const Comm *comm, const TrainingData *data, const Bins *bins,
                            Samples *out) {
  Status status = OK;
  const Rows *rows = &data->x->rows;
  int64_t *value = NULL;
  size_t codes_bytes = whole_lines(rows->n * bins_stride(bins->d));
  size_t word_bytes = whole_lines(rows->n * (int64_t)sizeof(uint32_t));
  *out = (Samples){.rows = {.n = rows->n, .bins = bins},
                   .n_global = rows->n_global,
                   .first = rows->begin,
                   .shared = {.win = MPI_WIN_NULL}};
  AGREE(comm, training_check(data, TRAINING_WEIGHT_MOST));
  bool weighted = comm_any_all(comm, data->weight != NULL);
  TRY(choose_scale_all(comm, data, weighted, false, out));
  char *base = NULL;
  status = NEW_RAW(&base, (int64_t)(codes_bytes + (weighted ? 3 : 2) * word_bytes));
  out->own = base;
  AGREE(comm, status);
  int32_t *group = (int32_t *)(void *)(base + codes_bytes + word_bytes);
  Run run = {(uint8_t *)base, (uint32_t *)(void *)(base + codes_bytes), NULL,
             weighted ? (int32_t *)(void *)(base + codes_bytes + 2 * word_bytes) : NULL};
  write_run(data, out, 0, rows->n, &run);
  out->rows.codes = run.codes;
  out->rows.target = run.target;
  out->group = group;
  out->weight = run.weight;
  AGREE(comm, number_own(data, group, &out->n_groups, &value));
  TRY(sample_groups_init_all(comm, value, out->n_groups, &out->groups));
done:
  memory_free(&value);
  return status;
}

void samples_codes_all(const Comm *comm, const Samples *s, const int64_t *row, int64_t n,
                       uint8_t *codes) {
  int64_t stride = bins_stride(s->rows.bins->d);
  for (int64_t i = 0; i < n; i++) {
    int64_t at = row[i] - s->first;
    bool here = at >= 0 && at < s->rows.n;
    if (here) memcpy(codes + i * stride, s->rows.codes + at * stride, (size_t)stride);
    if (!here) memset(codes + i * stride, 0, (size_t)stride);
  }
  /* One rank has each row, others have zeros. */
  if (s->own) comm_sum_all(comm, (int64_t *)(void *)codes, n * stride / 8);
}

/* Rows asked for, by the rank that has them: numbers there, and where the answers belong. */
static Status list_others(const Comm *comm, const Samples *s, const Rows *rows,
                          const Stream *others, const int64_t *first, int64_t *counts,
                          int32_t **wanted, int64_t **place) {
  Status status = OK;
  int64_t *at = NULL, *other = NULL;
  int32_t *owner = NULL;
  TRY(NEW_RAW(&other, rows->n));
  TRY(NEW_RAW(&owner, rows->n));
  TRY(NEW_RAW(wanted, rows->n));
  TRY(NEW_RAW(place, rows->n));
  TRY(NEW(&at, comm->size));
  for (int64_t i = 0; i < rows->n; i++) {
    other[i] = random_permuted(others, rows->begin + i, s->n_global);
    int low = 0, high = comm->size;
    while (high - low > 1) {
      int middle = (low + high) / 2;
      if (other[i] < first[middle]) {
        high = middle;
      } else {
        low = middle;
      }
    }
    owner[i] = low;
    counts[low]++;
  }
  for (int r = 1; r < comm->size; r++) at[r] = at[r - 1] + counts[r - 1];
  for (int64_t i = 0; i < rows->n; i++) {
    (*wanted)[at[owner[i]]] = (int32_t)(other[i] - first[owner[i]]);
    (*place)[at[owner[i]]++] = i;
  }
done:
  memory_free(&at);
  memory_free(&other);
  memory_free(&owner);
  return status;
}

Status samples_permuted_all(const Comm *comm, const Samples *s, const Rows *rows, int64_t feature,
                            const Stream *others, uint8_t *out) {
  Status status = OK;
  int64_t stride = bins_stride(s->rows.bins->d), sum = 0;
  int64_t *first = NULL, *counts = NULL, *got = NULL, *place = NULL;
  int32_t *wanted = NULL, *asked = NULL;
  uint8_t *answers = NULL, *received = NULL;
  if (!s->own) {
    for (int64_t i = 0; i < rows->n; i++) {
      int64_t other = random_permuted(others, rows->begin + i, s->n_global);
      out[i] = s->rows.codes[other * stride + feature];
    }
    return OK;
  }
  Status local = NEW(&first, comm->size);
  if (local == OK) local = NEW(&counts, comm->size);
  if (local == OK) local = NEW(&got, comm->size);
  AGREE(comm, local);
  comm_allgather_all(comm, &rows->begin, sizeof rows->begin, first);
  AGREE(comm, list_others(comm, s, rows, others, first, counts, &wanted, &place));
  TRY(comm_exchange_all(comm, wanted, counts, sizeof *wanted, (void **)&asked, got));
  for (int r = 0; r < comm->size; r++) sum += got[r];
  AGREE(comm, NEW_RAW(&answers, sum));
  for (int64_t i = 0; i < sum; i++) answers[i] = s->rows.codes[asked[i] * stride + feature];
  TRY(comm_exchange_all(comm, answers, got, 1, (void **)&received, counts));
  for (int64_t i = 0; i < rows->n; i++) out[place[i]] = received[i];
done:
  memory_free(&first);
  memory_free(&counts);
  memory_free(&got);
  memory_free(&place);
  memory_free(&wanted);
  memory_free(&asked);
  memory_free(&answers);
  memory_free(&received);
  return status;
}

void samples_clear_all(Samples *samples) {
  if (samples->shared.data) comm_shared_clear_all(&samples->shared);
  memory_free(&samples->own);
  sample_groups_clear(&samples->groups);
  *samples = (Samples){.shared = {.win = MPI_WIN_NULL}};
}
