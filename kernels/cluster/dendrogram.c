/* A dendrogram; see dendrogram.h. */
#include "dendrogram.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/base/memory.h"

void dendrogram_clear(Dendrogram *d) {
  memory_free(&d->left);
  memory_free(&d->right);
  memory_free(&d->size);
  memory_free(&d->height);
  *d = (Dendrogram){.n = 0};
}

static int64_t find_root(int64_t *parent, int64_t i) {
  while (parent[i] != i) i = parent[i] = parent[parent[i]];
  return i;
}

/* Merge sort by height, which keeps equal heights in order. */
static void sort_merges(Merge *merges, int64_t n, Merge *space) {
  if (n < 2) return;
  int64_t half = n / 2, a = 0, b = half;
  sort_merges(merges, half, space);
  sort_merges(merges + half, n - half, space);
  for (int64_t at = 0; at < n; at++) {
    bool first = b == n || (a < half && merges[a].height <= merges[b].height);
    space[at] = first ? merges[a++] : merges[b++];
  }
  memcpy(merges, space, (size_t)n * sizeof *merges);
}

static Status begin(int64_t n, Dendrogram *out) {
  Status status = OK;
  *out = (Dendrogram){.n = n};
  TRY(NEW(&out->left, n - 1));
  TRY(NEW(&out->right, n - 1));
  TRY(NEW(&out->size, n - 1));
  TRY(NEW(&out->height, n - 1));
done:
  return status;
}

/* Raise heights to those of their parts. Merges are in order of making, so parts come first. */
static void raise_heights(Merge *merges, int64_t n, int64_t *parent, double *reached) {
  for (int64_t i = 0; i < n; i++) parent[i] = i;
  for (int64_t m = 0; m < n - 1; m++) {
    int64_t a = find_root(parent, merges[m].a), b = find_root(parent, merges[m].b);
    if (reached[a] > merges[m].height) merges[m].height = reached[a];
    if (reached[b] > merges[m].height) merges[m].height = reached[b];
    parent[b] = a;
    reached[a] = merges[m].height;
  }
}

Status dendrogram_of(Merge *merges, int64_t n, Dendrogram *out) {
  Status status = OK;
  int64_t *parent = NULL, *number = NULL, *size = NULL;
  double *reached = NULL;
  Merge *space = NULL;
  TRY(begin(n, out));
  TRY(NEW(&parent, n));
  TRY(NEW(&number, n));
  TRY(NEW(&size, n));
  TRY(NEW(&reached, n));
  TRY(NEW(&space, n));
  raise_heights(merges, n, parent, reached);
  sort_merges(merges, n - 1, space);
  for (int64_t i = 0; i < n; i++) parent[i] = number[i] = i, size[i] = 1;
  for (int64_t m = 0; m < n - 1; m++) {
    int64_t a = find_root(parent, merges[m].a), b = find_root(parent, merges[m].b);
    int64_t first = number[a] < number[b] ? number[a] : number[b];
    out->left[m] = first;
    out->right[m] = number[a] + number[b] - first;
    out->height[m] = merges[m].height;
    out->size[m] = size[a] + size[b];
    parent[b] = a;
    size[a] += size[b];
    number[a] = n + m;
  }
done:
  memory_free(&parent);
  memory_free(&number);
  memory_free(&size);
  memory_free(&reached);
  memory_free(&space);
  return status;
}

int64_t dendrogram_clusters(const Dendrogram *d, double height) {
  int64_t merges = 0;
  while (merges < d->n - 1 && d->height[merges] <= height) merges++;
  return d->n - merges;
}

typedef struct Part {
  int64_t size, first, root;
} Part;

static int by_size(const void *a, const void *b) {
  const Part *x = a, *y = b;
  if (x->size != y->size) return x->size > y->size ? -1 : 1;
  return (x->first > y->first) - (x->first < y->first);
}

Status dendrogram_cut(const Dendrogram *d, int64_t k, int32_t *label) {
  Status status = OK;
  int64_t *root = NULL, n = d->n, made = n - k, parts = 0, *place = NULL;
  Part *part = NULL;
  TRY(NEW(&root, n + made));
  TRY(NEW(&place, n + made));
  TRY(NEW(&part, k));
  for (int64_t c = n + made - 1; c >= 0; c--) root[c] = c;
  for (int64_t m = made - 1; m >= 0; m--) root[d->left[m]] = root[d->right[m]] = root[n + m];
  for (int64_t i = 0; i < n; i++) {
    if (place[root[i]] == 0) {
      part[parts] = (Part){0, i, root[i]};
      place[root[i]] = ++parts;
    }
    part[place[root[i]] - 1].size++;
  }
  qsort(part, (size_t)k, sizeof *part, by_size);
  for (int64_t c = 0; c < k; c++) place[part[c].root] = c;
  for (int64_t i = 0; i < n; i++) label[i] = (int32_t)place[root[i]];
done:
  memory_free(&root);
  memory_free(&place);
  memory_free(&part);
  return status;
}

Status dendrogram_order(const Dendrogram *d, int64_t *order, double *gap) {
  Status status = OK;
  typedef struct Waiting {
    int64_t cluster;
    double before; /* height at which its first row and the row before are joined */
  } Waiting;
  Waiting *stack = NULL;
  int64_t waiting = 0, at = 0;
  TRY(NEW(&stack, d->n + 1));
  stack[waiting++] = (Waiting){2 * d->n - 2, 0};
  while (waiting > 0) {
    Waiting top = stack[--waiting];
    int64_t m = top.cluster - d->n;
    if (m < 0) {
      if (at > 0) gap[at - 1] = top.before;
      order[at++] = top.cluster;
    } else {
      stack[waiting++] = (Waiting){d->right[m], d->height[m]};
      stack[waiting++] = (Waiting){d->left[m], top.before};
    }
  }
  gap[at - 1] = 0;
done:
  memory_free(&stack);
  return status;
}

int64_t dendrogram_branch(const Dendrogram *d, int64_t need, int32_t *seen) {
  for (int64_t i = 0; i < d->n; i++)
    if (seen[i] >= need) return i;
  for (int64_t m = 0; m < d->n - 1; m++) {
    seen[d->n + m] = seen[d->left[m]] + seen[d->right[m]];
    if (seen[d->n + m] >= need) return d->n + m;
  }
  return 2 * d->n - 2;
}
