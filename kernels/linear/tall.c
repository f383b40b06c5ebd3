/* The triangular factor of a tall matrix; see tall.h.
 *
 * A node of the tree is (level, number): it covers the blocks number x 2^level .. (number + 1) x
 * 2^level - 1. A rank's blocks, in order, go onto a stack where two siblings are joined as soon as
 * both are there; what is left are the largest nodes that fit into its run of blocks. Neighbouring
 * ranks' stacks, put behind each other, are joined by the same rule. What stands alone at the right
 * edge in the end is joined from the right.
 *
 * Rejected: a tree over ranks (other trees, other bits); gathering all stacks on rank 0 (memory
 * grows with ranks). */
#include "tall.h"

#include <lapacke.h>
#include <string.h>

#include "kernels/base/memory.h"

enum { PANEL = 64 }; /* columns of a blocked reflection that the scratch has room for */

/* One node of the tree, as it travels: a head, then width x width numbers. */
typedef struct Head {
  int64_t level, number;
} Head;

typedef struct Stack {
  int64_t width, n, capacity;
  double *items; /* n nodes of item_size numbers */
  double *pair;  /* 2 width x width */
  double *scratch;
} Stack;

static int64_t item_size(int64_t width) {
  return (int64_t)(sizeof(Head) / sizeof(double)) + width * width;
}

static double *item_at(const Stack *s, int64_t i) { return s->items + i * item_size(s->width); }
static double *factor_of(double *item) { return item + sizeof(Head) / sizeof(double); }

static Head head_of(const double *item) {
  Head head;
  memcpy(&head, item, sizeof head);
  return head;
}

void tall_reduce(double *a, int64_t rows, int64_t width, double *scratch) {
  lapack_int m = (lapack_int)rows, n = (lapack_int)width;
  LAPACKE_dgeqrf_work(LAPACK_COL_MAJOR, m, n, a, m, scratch, scratch + width,
                      (lapack_int)(PANEL * width));
  for (int64_t j = 0; j < width; j++) {
    for (int64_t i = j + 1; i < rows; i++) a[j * rows + i] = 0;
  }
  for (int64_t i = 0; i < width; i++) {
    if (!(a[i * rows + i] < 0)) continue;
    for (int64_t j = i; j < width; j++) a[j * rows + i] = -a[j * rows + i];
  }
}

/* Take the upper triangle of a (rows x width) into a factor. */
static void keep_triangle(const double *a, int64_t rows, int64_t width, double *factor) {
  for (int64_t j = 0; j < width; j++) {
    memcpy(factor + j * width, a + j * rows, (size_t)width * sizeof *factor);
  }
}

/* The factor of two stacked ones, into the first. */
static void join_pair(Stack *s, double *upper, const double *lower) {
  int64_t w = s->width;
  for (int64_t j = 0; j < w; j++) {
    memcpy(s->pair + 2 * w * j, upper + j * w, (size_t)w * sizeof *upper);
    memcpy(s->pair + 2 * w * j + w, lower + j * w, (size_t)w * sizeof *lower);
  }
  tall_reduce(s->pair, 2 * w, w, s->scratch);
  keep_triangle(s->pair, 2 * w, w, upper);
}

/* Join siblings at the top of the stack for as long as there are some. */
static void settle(Stack *s) {
  while (s->n > 1) {
    double *upper = item_at(s, s->n - 2), *lower = item_at(s, s->n - 1);
    Head a = head_of(upper), b = head_of(lower);
    if (a.level != b.level || a.number % 2 != 0 || b.number != a.number + 1) return;
    join_pair(s, factor_of(upper), factor_of(lower));
    a = (Head){a.level + 1, a.number / 2};
    memcpy(upper, &a, sizeof a);
    s->n--;
  }
}

static Status push(Stack *s, Head head, const double *factor) {
  Status status = OK;
  TRY(RESERVE(&s->items, &s->capacity, (s->n + 1) * item_size(s->width)));
  double *item = item_at(s, s->n++);
  memcpy(item, &head, sizeof head);
  memcpy(factor_of(item), factor, (size_t)(s->width * s->width) * sizeof *factor);
  settle(s);
done:
  return status;
}

/* This rank's blocks onto the stack. Every block is padded with zeros to one height, so that its
 * factorisation has one shape. */
static Status factor_blocks(const Rows *rows, TallBlock block, const void *context, Stack *s) {
  Status status = OK;
  int64_t w = s->width, height = rows->block > w ? rows->block : w;
  double *a = NULL, *factor = NULL;
  TRY(NEW(&a, height * w));
  TRY(NEW(&factor, w * w));
  TRY(NEW(&s->pair, 2 * w * w));
  TRY(NEW(&s->scratch, tall_scratch(w)));
  for (int64_t b = 0; b < rows_blocks(rows); b++) {
    memset(a, 0, (size_t)(height * w) * sizeof *a);
    block(context, b, height, a);
    tall_reduce(a, height, w, s->scratch);
    keep_triangle(a, height, w, factor);
    TRY(push(s, (Head){0, rows->begin / rows->block + b}, factor));
  }
done:
  memory_free(&a);
  memory_free(&factor);
  return status;
}

/* Hand this rank's stack to the rank `step` below, or take one from the rank `step` above. */
static Status hand_on_all(const Comm *comm, int step, int64_t *counts, int64_t *received,
                          Stack *s) {
  Status status = OK;
  int64_t item = item_size(s->width), at = 0;
  double *taken = NULL;
  memset(counts, 0, (size_t)comm->size * sizeof *counts);
  bool gives = comm->rank % (2 * step) == step;
  if (gives) counts[comm->rank - step] = s->n;
  TRY(comm_exchange_all(comm, s->items, counts, (size_t)item * sizeof *s->items, (void **)&taken,
                        received));
  if (gives) s->n = 0;
  Status local = OK;
  for (int rank = 0; rank < comm->size; rank++) {
    for (int64_t i = 0; local == OK && i < received[rank]; i++, at++) {
      local = push(s, head_of(taken + at * item), factor_of(taken + at * item));
    }
  }
  AGREE(comm, local);
done:
  memory_free(&taken);
  return status;
}

Status tall_factor_all(const Comm *comm, const Rows *rows, int64_t width, TallBlock block,
                       const void *context, double *factor) {
  Status status = OK;
  Stack s = {.width = width};
  int64_t *counts = NULL, *received = NULL;
  Status local = NEW(&counts, comm->size);
  if (local == OK) local = NEW(&received, comm->size);
  if (local == OK) local = factor_blocks(rows, block, context, &s);
  AGREE(comm, local);
  for (int step = 1; step < comm->size; step *= 2) {
    TRY(hand_on_all(comm, step, counts, received, &s));
  }
  for (; comm->rank == 0 && s.n > 1; s.n--) {
    join_pair(&s, factor_of(item_at(&s, s.n - 2)), factor_of(item_at(&s, s.n - 1)));
  }
  size_t bytes = (size_t)(width * width) * sizeof *factor;
  memset(factor, 0, bytes);
  if (comm->rank == 0 && s.n == 1) memcpy(factor, factor_of(item_at(&s, 0)), bytes);
  comm_broadcast_all(comm, 0, factor, bytes);
done:
  memory_free(&s.items);
  memory_free(&s.pair);
  memory_free(&s.scratch);
  memory_free(&counts);
  memory_free(&received);
  return status;
}
