/* Dendrograms; see report_parts.h.
 *
 * Leaves lie below each other with their names, and branches grow to the right, so that a hundred
 * names stay readable. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/base/memory.h"
#include "report_parts.h"

enum {
  WIDTH = 760,
  TOP = 8,
  BOTTOM = 44,
  NAMES = 160, /* width of names */
  LETTERS = 24,
  RIGHT = 24,
  PITCH = 15,
  GAP = 7, /* between families */
};

/* Leaves in a row that are joined; by its first leaf. */
typedef struct Branch {
  double at, height; /* where on the page, in the middle of its two parts; data units */
} Branch;

typedef struct Gap {
  double height;
  int64_t at; /* between this leaf and the next */
} Gap;

static int lowest_first(const void *a, const void *b) {
  const Gap *x = a, *y = b;
  if (x->height != y->height) return x->height < y->height ? -1 : 1;
  return (x->at > y->at) - (x->at < y->at);
}

static int64_t first_of(int64_t *parent, int64_t i) {
  while (parent[i] != i) i = parent[i] = parent[parent[i]];
  return i;
}

static bool same_family(const Series *s, int64_t i) { return !s->x || s->x[i] == s->x[i + 1]; }

/* Leaves' places; the height of all of them. */
static double place_leaves(const Series *s, Branch *branch) {
  double at = TOP + PITCH / 2.0;
  for (int64_t i = 0; i < s->n_x; i++) {
    branch[i] = (Branch){at, 0};
    if (i + 1 < s->n_x) at += PITCH + (same_family(s, i) ? 0 : GAP);
  }
  return at + PITCH / 2.0;
}

static void write_names(const Frame *frame, const Branch *branch) {
  const Series *s = frame->series;
  for (int64_t i = 0; s->x_names && i < s->n_x; i++) {
    text_format(frame->page, "<text class=\"end label\" x=\"%d\" y=\"%.1f\">", NAMES - 6,
                branch[i].at + 4);
    frame_write_cut(frame->page, s->x_names[i], LETTERS);
    text_add(frame->page, "</text>");
  }
}

static void write_axis(const Frame *frame, double bottom) {
  Ticks ticks = ticks_of(frame->x.low, frame->x.high, 8);
  for (int t = 0; t < ticks.n; t++) {
    double value = ticks.first + t * ticks.step, at = scale_at(&frame->x, value);
    text_format(frame->page, "<path class=\"grid\" d=\"M%.1f %dV%.1f\"/>", at, TOP, bottom);
    text_format(frame->page, "<text class=\"mid\" x=\"%.1f\" y=\"%.1f\">", at, bottom + 16);
    number_write_short(frame->page, value, ticks.decimals);
    text_add(frame->page, "</text>");
  }
  frame_text(frame, (NAMES + WIDTH - RIGHT) / 2.0, bottom + 34, "mid name", frame->series->y_label);
}

/* Join what lies on both sides of a gap: two branches to the right, and a line between them. */
static void write_join(const Frame *frame, const Gap *gap, int64_t *parent, int64_t *family,
                       Branch *branch) {
  int64_t a = first_of(parent, gap->at), b = first_of(parent, gap->at + 1);
  bool within = family[a] >= 0 && family[a] == family[b];
  text_format(frame->page, "<path class=\"branch%s\" d=\"M%.1f %.1fH%.1fV%.1fH%.1f\"><title>",
              within ? "" : " above", scale_at(&frame->x, branch[a].height), branch[a].at,
              scale_at(&frame->x, gap->height), branch[b].at,
              scale_at(&frame->x, branch[b].height));
  number_write_alone(frame->page, gap->height);
  text_add(frame->page, "</title></path>");
  branch[a] = (Branch){(branch[a].at + branch[b].at) / 2, gap->height};
  family[a] = within ? family[a] : -1;
  parent[b] = a;
}

static void write_tree(Text *page, const Series *s, double most, Gap *gap, int64_t *parent,
                       int64_t *family, Branch *branch) {
  double bottom = place_leaves(s, branch);
  char words[160];
  Frame frame = {.page = page,
                 .series = s,
                 .width = WIDTH,
                 .height = bottom + BOTTOM,
                 .x = {0, most > 0 ? 1.02 * most : 1, NAMES, WIDTH - RIGHT}};
  for (int64_t i = 0; i < s->n_x; i++) {
    parent[i] = i;
    family[i] = s->x && isfinite(s->x[i]) ? (int64_t)s->x[i] : 0;
    if (i + 1 < s->n_x) gap[i] = (Gap){s->y[i], i};
  }
  qsort(gap, (size_t)s->n_x - 1, sizeof *gap, lowest_first);
  snprintf(words, sizeof words, "A tree of %lld names; the last two parts are joined at %.6g.",
           (long long)s->n_x, most);
  frame_open(&frame, "wide tree", words);
  write_axis(&frame, bottom);
  write_names(&frame, branch);
  for (int64_t g = 0; g < s->n_x - 1; g++) write_join(&frame, &gap[g], parent, family, branch);
  frame_close(&frame, NULL);
}

/* The greatest height; NaN when one is none. */
static double highest_of(const Series *s) {
  double most = 0;
  for (int64_t i = 0; i + 1 < s->n_x; i++) {
    if (!isfinite(s->y[i]) || s->y[i] < 0) return NAN;
    most = fmax(most, s->y[i]);
  }
  return most;
}

bool tree_write(Text *page, const Series *s) {
  Gap *gap = NULL;
  int64_t *parent = NULL, *family = NULL;
  Branch *branch = NULL;
  double most = s->y && s->n_x > 0 ? highest_of(s) : NAN;
  if (isnan(most)) return false;
  if (page->status == OK) page->status = NEW(&gap, s->n_x);
  if (page->status == OK) page->status = NEW(&parent, s->n_x);
  if (page->status == OK) page->status = NEW(&family, s->n_x);
  if (page->status == OK) page->status = NEW(&branch, s->n_x);
  if (page->status == OK) write_tree(page, s, most, gap, parent, family, branch);
  memory_free(&gap);
  memory_free(&parent);
  memory_free(&family);
  memory_free(&branch);
  return true;
}
