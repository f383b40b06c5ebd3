/* A taxonomy of words; see taxonomy.h. */
#include "taxonomy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/fixed.h"

enum { WORDS_MOST = 2000, DRAWN_MOST = 400 };

typedef struct Taxonomy {
  const Column *column;
  int64_t n;      /* words that have rows */
  int32_t *code;  /* n */
  int64_t *count; /* of all words */
  Matrix x;       /* n means, on every rank */
} Taxonomy;

/* The words of a row. */
static int64_t words_of(const Column *column, int64_t i, const int32_t **codes) {
  *codes = &column->code[i];
  if (column_missing(column, i)) return 0;
  if (column->type != COLUMN_LIST) return 1;
  *codes = column->code + column->offset[i];
  return column->offset[i + 1] - column->offset[i];
}

static void add_row(const Column *column, int64_t i, const Matrix *x, const double *scale,
                    Wide *sum, int64_t *count) {
  const int32_t *codes = NULL;
  int64_t words = words_of(column, i, &codes);
  for (int64_t w = 0; w < words; w++) {
    count[codes[w]]++;
    for (int64_t j = 0; j < x->d; j++)
      wide_add(&sum[codes[w] * x->d + j], matrix_column(x, j)[i], scale[j]);
  }
}

static Status take_means(const Unsupervised *u, const int64_t *total, const double *scale,
                         Taxonomy *t) {
  Status status = OK;
  int64_t words = t->column->dictionary.n, d = u->x.d, at = 0;
  TRY(NEW(&t->code, words));
  TRY(NEW(&t->count, words));
  memcpy(t->count, total + 2 * words * d, (size_t)words * sizeof *total);
  for (int32_t w = 0; w < words; w++)
    if (t->count[w] > 0) t->code[t->n++] = w;
  Rows part = rows_of(t->n, u->x.rows.block, 0, 1);
  TRY(matrix_init(&t->x, &part, d));
  for (; at < t->n; at++)
    for (int64_t j = 0; j < d; j++) {
      Wide sum = ((const Wide *)total)[t->code[at] * d + j];
      matrix_column(&t->x, j)[at] = wide_value(&sum, scale[j]) / (double)t->count[t->code[at]];
    }
done:
  return status;
}

static Status means_all(const Unsupervised *u, Taxonomy *t) {
  Status status = OK;
  int64_t words = t->column->dictionary.n, d = u->x.d, *total = NULL;
  double *scale = NULL;
  Status local = NEW(&total, 2 * words * d + words);
  if (local == OK) local = NEW(&scale, d);
  AGREE(u->comm, local);
  for (int64_t j = 0; j < d; j++) {
    double most = 0;
    for (int64_t i = 0; i < u->x.rows.n; i++) most = fmax(most, fabs(matrix_column(&u->x, j)[i]));
    comm_max_real_all(u->comm, &most, 1);
    scale[j] = fixed_scale(most, WIDE_BITS);
  }
  for (int64_t i = 0; i < u->x.rows.n; i++)
    add_row(t->column, i, &u->x, scale, (Wide *)total, total + 2 * words * d);
  comm_sum_all(u->comm, total, 2 * words * d + words);
  AGREE(u->comm, take_means(u, total, scale, t));
done:
  memory_free(&total);
  memory_free(&scale);
  return status;
}

static void append_code(const Taxonomy *t, int32_t code, char *text, size_t size) {
  int64_t length = 0;
  const char *word = dictionary_word(&t->column->dictionary, code, &length);
  size_t used = strlen(text);
  snprintf(text + used, size - used, "%s%.*s", used ? ", " : "",
           (int)word_fit(word, length, (int64_t)(size - used) - 3), word);
}

static void append_word(const Taxonomy *t, int64_t at, char *text, size_t size) {
  append_code(t, t->code[at], text, size);
}

static int64_t families_of(const Taxonomy *t) { return (int64_t)ceil(sqrt((double)t->n)); }

/* Families of words: the tree cut into about the root of their number. */
static Status tell_families(const Taxonomy *t, const Dendrogram *tree, Summary *summary) {
  Status status = OK;
  static const char *const columns[] = {"family", "words", "items", "members"};
  int64_t k = families_of(t), handle = -1;
  int32_t *label = NULL;
  char *text = NULL;
  enum { LINE = 1 << 16 };
  TRY(NEW(&label, t->n));
  TRY(NEW(&text, LINE));
  TRY(dendrogram_cut(tree, k, label));
  TRY(summary_table(summary, "families", "Families of words, by the means of their rows", 4,
                    columns, &handle));
  for (int64_t c = 0; c < k; c++) {
    int64_t words = 0, items = 0;
    text[0] = 0;
    for (int64_t at = 0; at < t->n; at++) {
      if (label[at] != c) continue;
      append_word(t, at, text, LINE);
      words++;
      items += t->count[t->code[at]];
    }
    Cell cells[] = {cell_integer(c), cell_integer(words), cell_integer(items), cell_text(text)};
    TRY(summary_row(summary, handle, cells));
  }
done:
  memory_free(&label);
  memory_free(&text);
  return status;
}

/* Every merge: which words, or clusters of words, at which height. */
static Status tell_merges(const Taxonomy *t, const Dendrogram *tree, Summary *summary) {
  Status status = OK;
  static const char *const columns[] = {"cluster", "height", "joins", "with", "words"};
  int64_t handle = -1;
  TRY(summary_table(summary, "taxonomy", "Taxonomy: merges of words", 5, columns, &handle));
  for (int64_t m = 0; m < t->n - 1; m++) {
    char side[2][128] = {"", ""};
    int64_t child[] = {tree->left[m], tree->right[m]};
    for (int p = 0; p < 2; p++) {
      if (child[p] < t->n)
        append_word(t, child[p], side[p], sizeof side[p]);
      else
        snprintf(side[p], sizeof side[p], "cluster %lld", (long long)child[p]);
    }
    Cell cells[] = {cell_integer(t->n + m), cell_real(tree->height[m]), cell_text(side[0]),
                    cell_text(side[1]), cell_integer(tree->size[m])};
    TRY(summary_row(summary, handle, cells));
  }
done:
  return status;
}

/* The tree as a picture, its families apart. */
static Status draw(const Taxonomy *t, const Dendrogram *tree, Summary *summary) {
  Status status = OK;
  int64_t *order = NULL, k = families_of(t);
  int32_t *label = NULL;
  double *gap = NULL, *family = NULL;
  char **names = NULL;
  if (t->n > DRAWN_MOST) return OK;
  TRY(NEW(&order, t->n));
  TRY(NEW(&label, t->n));
  TRY(NEW(&gap, t->n));
  TRY(NEW(&family, t->n));
  TRY(NEW(&names, t->n));
  TRY(dendrogram_order(tree, order, gap));
  TRY(dendrogram_cut(tree, k, label));
  for (int64_t i = 0; i < t->n; i++) {
    int64_t length = 0;
    const char *word = dictionary_word(&t->column->dictionary, t->code[order[i]], &length);
    TRY(memory_text_n(&names[i], word, (size_t)length));
    family[i] = label[order[i]];
  }
  Series series = {.name = "taxonomy",
                   .title = "Taxonomy: which words are alike, by the means of their rows",
                   .y_label = "height of the merge",
                   .kind = SERIES_TREE,
                   .n_x = t->n,
                   .n_y = t->n,
                   .x = family,
                   .y = gap,
                   .x_names = names};
  TRY(summary_series(summary, &series));
done:
  for (int64_t i = 0; names && i < t->n; i++) memory_free(&names[i]);
  memory_free(&names);
  memory_free(&order);
  memory_free(&label);
  memory_free(&gap);
  memory_free(&family);
  return status;
}

/* ---- words inside the tree of rows ---- */

typedef struct Place {
  int32_t code, row, label;
} Place;

static int by_code(const void *a, const void *b) {
  const Place *x = a, *y = b;
  if (x->code != y->code) return x->code < y->code ? -1 : 1;
  return x->row < y->row ? -1 : x->row > y->row;
}

/* Where the words of this rank's rows are. */
static Status take_places(const Unsupervised *u, const Column *column, const int32_t *label,
                          Place **out, int64_t *n) {
  Status status = OK;
  int64_t most = column->type == COLUMN_LIST ? column->offset[u->x.rows.n] : u->x.rows.n;
  TRY(NEW(out, most));
  for (int64_t i = 0; i < u->x.rows.n; i++) {
    const int32_t *codes = NULL;
    int64_t words = words_of(column, i, &codes), row = u->x.rows.begin + i;
    for (int64_t w = 0; w < words; w++)
      (*out)[(*n)++] = (Place){codes[w], (int32_t)row, label[row]};
  }
done:
  return status;
}

typedef struct Home {
  int64_t code, items, label, in_label, size, in_branch;
  double height;
} Home;

static int tightest(const void *a, const void *b) {
  const Home *x = a, *y = b;
  if (x->height != y->height) return x->height < y->height ? -1 : 1;
  return (x->code > y->code) - (x->code < y->code);
}

/* The cluster and the branch that a word's rows are in. count: k; seen: 2 n - 1. */
static Home home_of(const Place *place, int64_t n, const Dendrogram *tree, int64_t k,
                    int64_t *count, int32_t *seen) {
  Home home = {.code = place->code, .items = n};
  memset(count, 0, (size_t)k * sizeof *count);
  memset(seen, 0, (size_t)(2 * tree->n - 1) * sizeof *seen);
  for (int64_t p = 0; p < n; p++) {
    count[place[p].label]++;
    seen[place[p].row]++;
  }
  for (int64_t c = 1; c < k; c++) home.label = count[c] > count[home.label] ? c : home.label;
  home.in_label = count[home.label];
  int64_t at = dendrogram_branch(tree, (n + 1) / 2, seen);
  home.in_branch = seen[at];
  home.size = at < tree->n ? 1 : tree->size[at - tree->n];
  home.height = at < tree->n ? 0 : tree->height[at - tree->n];
  return home;
}

static Status tell_homes(const Taxonomy *t, const Home *home, int64_t n, int64_t k,
                         Summary *summary) {
  Status status = OK;
  static const char *const columns[] = {"word",
                                        "items",
                                        "cluster",
                                        "share in it",
                                        "branch height",
                                        "rows of the branch",
                                        "share of the branch"};
  int64_t handle = -1;
  TRY(summary_table(
      summary, "in_the_tree",
      "Words inside the tree: the cluster that has most of their rows, and the lowest "
      "branch that has half of them",
      7, columns, &handle));
  for (int64_t p = 0; p < n; p++) {
    char word[24], text[128] = "";
    unsupervised_label_word(home[p].label, k, word);
    append_code(t, (int32_t)home[p].code, text, sizeof text);
    Cell cells[] = {cell_text(text),
                    cell_integer(home[p].items),
                    cell_text(word),
                    cell_real((double)home[p].in_label / (double)home[p].items),
                    cell_real(home[p].height),
                    cell_integer(home[p].size),
                    cell_real((double)home[p].in_branch / (double)home[p].size)};
    TRY(summary_row(summary, handle, cells));
  }
done:
  return status;
}

static Status find_homes(const Taxonomy *t, Place *place, int64_t n, const Dendrogram *tree,
                         int64_t k, Summary *summary) {
  Status status = OK;
  int64_t *count = NULL, found = 0;
  int32_t *seen = NULL;
  Home *home = NULL;
  TRY(NEW(&count, k));
  TRY(NEW(&seen, 2 * tree->n - 1));
  TRY(NEW(&home, t->n));
  qsort(place, (size_t)n, sizeof *place, by_code);
  for (int64_t p = 0, end = 0; p < n; p = end) {
    for (end = p; end < n && place[end].code == place[p].code;) end++;
    home[found++] = home_of(place + p, end - p, tree, k, count, seen);
  }
  qsort(home, (size_t)found, sizeof *home, tightest);
  TRY(tell_homes(t, home, found, k, summary));
done:
  memory_free(&count);
  memory_free(&seen);
  memory_free(&home);
  return status;
}

static Status homes_all(const Unsupervised *u, const Taxonomy *t, const Dendrogram *tree,
                        const int32_t *label, int64_t k, Summary *summary) {
  Status status = OK;
  Place *mine = NULL, *all = NULL;
  int64_t n = 0;
  AGREE(u->comm, take_places(u, t->column, label, &mine, &n));
  TRY(comm_gather_all(u->comm, 0, mine, (size_t)n * sizeof *mine, (void **)&all, NULL));
  n = comm_sum_one_all(u->comm, n);
  AGREE(u->comm, u->comm->rank == 0 ? find_homes(t, all, n, tree, k, summary) : OK);
done:
  memory_free(&mine);
  memory_free(&all);
  return status;
}

Status taxonomy_all(const Unsupervised *u, const char *name, Linkage linkage,
                    const Dendrogram *rows, const int32_t *label, int64_t k, Summary *summary) {
  Status status = OK;
  Taxonomy t = {0};
  Dendrogram tree = {0};
  Comm self = comm_self();
  Column *column = NULL;
  AGREE(u->comm, table_require(&u->distinct, name, &column));
  t.column = column;
  if (column->dictionary.n > WORDS_MOST) {
    AGREE(u->comm, summary_note(summary, NOTE_WARNING,
                                "\"%s\" has %lld words; a taxonomy is made of %d at most.", name,
                                (long long)column->dictionary.n, WORDS_MOST));
    goto done;
  }
  TRY(means_all(u, &t));
  if (t.n < 2) goto done;
  AGREE(u->comm, linkage_all(&self, &t.x, linkage, NULL, &tree, NULL));
  Status local = draw(&t, &tree, summary);
  if (local == OK) local = tell_families(&t, &tree, summary);
  if (local == OK) local = tell_merges(&t, &tree, summary);
  AGREE(u->comm, local);
  TRY(homes_all(u, &t, rows, label, k, summary));
done:
  dendrogram_clear(&tree);
  memory_free(&t.code);
  memory_free(&t.count);
  matrix_clear(&t.x);
  return status;
}
