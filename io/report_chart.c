/* Lines, bars, histograms and clouds of points; see report_parts.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "report_parts.h"

enum {
  WIDTH = 460,
  HEIGHT = 300,
  LEFT = 62,
  RIGHT = 14,
  TOP = 10,
  BOTTOM = 44,
  MOST_BARS = 30,
  BAR_PITCH = 21,
  NAME_LETTERS_LEAST = 8, /* of the names of bars, and how wide a letter is */
  NAME_LETTERS_MOST = 30,
  LETTER_WIDTH = 7,
  MOST_DOTS = 60,
  MOST_POINTS = 3000,
  MOST_TIPS = 500
};

/* A short text for attributes and tooltips; cut where it is too long. */
typedef struct Phrase {
  char words[512];
} Phrase;

static const char *phrase_number(double value, char buffer[48]) {
  snprintf(buffer, 48, "%.6g", value);
  return buffer;
}

static void write_nothing(Text *page, const Series *s) {
  text_add(page, "<figure class=\"box\"><figcaption>");
  text_html(page, s->title[0] ? s->title : s->name);
  text_add(page, "</figcaption><p class=\"soft\">No values to draw.</p></figure>\n");
}

/* A range of no width is made one, so that there is something to draw on. */
static void open_range(double *low, double *high, double margin) {
  double width = *high - *low;
  if (!(width > 0)) width = fabs(*low) > 0 ? fabs(*low) : 1;
  *low -= margin * width;
  *high += margin * width;
  if (!(*high > *low)) *high = *low + 1;
}

static Frame frame_over(Text *page, const Series *s, double low, double high, double bottom,
                        double top) {
  return (Frame){.page = page,
                 .series = s,
                 .width = WIDTH,
                 .height = HEIGHT,
                 .x = {low, high, LEFT, WIDTH - RIGHT},
                 .y = {bottom, top, HEIGHT - BOTTOM, TOP}};
}

static void describe(Phrase *phrase, const Series *s, int64_t n, const char *what, double low,
                     double high) {
  char a[48], b[48];
  snprintf(phrase->words, sizeof phrase->words, "%lld %s; %s from %s to %s.", (long long)n, what,
           s->y_label[0] ? s->y_label : "values", phrase_number(low, a), phrase_number(high, b));
}

static void write_tip(Text *page, const char *name, double x, double y) {
  text_add(page, "<title>");
  if (name)
    text_html(page, name);
  else
    number_write_alone(page, x);
  text_add(page, ": ");
  number_write_alone(page, y);
  text_add(page, "</title>");
}

/* ---- lines and points ---- */

/* Ranges of x and y together; false when no point is finite. */
static bool plane_of(const Series *s, double margin, Frame *frame, Text *page) {
  double low = INFINITY, high = -INFINITY, bottom = INFINITY, top = -INFINITY;
  for (int64_t i = 0; s->x && s->y && i < s->n_x; i++) {
    if (!isfinite(s->x[i]) || !isfinite(s->y[i])) continue;
    range_widen(&s->x[i], 1, &low, &high);
    range_widen(&s->y[i], 1, &bottom, &top);
  }
  if (!(low <= high)) return false;
  double least = bottom, most = top;
  open_range(&low, &high, margin);
  open_range(&bottom, &top, 0.05);
  *frame = frame_over(page, s, low, high, bottom, top);
  Phrase phrase;
  describe(&phrase, s, s->n_x, "points", least, most);
  frame_open(frame, "", phrase.words);
  frame_axes(frame, 6, 6);
  return true;
}

static void write_dot(const Frame *frame, int64_t i, double radius) {
  const Series *s = frame->series;
  if (!isfinite(s->x[i]) || !isfinite(s->y[i])) return;
  text_format(frame->page, "<circle class=\"point\" cx=\"%.1f\" cy=\"%.1f\" r=\"%g\">",
              scale_at(&frame->x, s->x[i]), scale_at(&frame->y, s->y[i]), radius);
  if (s->n_x <= MOST_TIPS) write_tip(frame->page, NULL, s->x[i], s->y[i]);
  text_add(frame->page, "</circle>");
}

/* A value that is missing interrupts the line. */
static void write_line(Text *page, const Series *s) {
  Frame frame;
  bool drawing = false;
  if (!plane_of(s, 0.02, &frame, page)) {
    write_nothing(page, s);
    return;
  }
  text_add(page, "<path class=\"line\" d=\"");
  for (int64_t i = 0; i < s->n_x; i++) {
    bool there = isfinite(s->x[i]) && isfinite(s->y[i]);
    if (there)
      text_format(page, "%s%.1f %.1f", drawing ? "L" : "M", scale_at(&frame.x, s->x[i]),
                  scale_at(&frame.y, s->y[i]));
    drawing = there;
  }
  text_add(page, "\"/>");
  for (int64_t i = 0; s->n_x <= MOST_DOTS && i < s->n_x; i++) write_dot(&frame, i, 3);
  frame_close(&frame, NULL);
}

static void write_scatter(Text *page, const Series *s) {
  Frame frame;
  char remark[96];
  int64_t stride = (s->n_x + MOST_POINTS - 1) / MOST_POINTS;
  if (!plane_of(s, 0.03, &frame, page)) {
    write_nothing(page, s);
    return;
  }
  text_add(page, "<g class=\"cloud\">");
  for (int64_t i = 0; i < s->n_x; i += stride) write_dot(&frame, i, 2.2);
  text_add(page, "</g>");
  snprintf(remark, sizeof remark, "One point in %lld of %lld.", (long long)stride,
           (long long)s->n_x);
  frame_close(&frame, stride > 1 ? remark : NULL);
}

/* ---- histogram ---- */

static void write_bins(const Frame *frame) {
  const Series *s = frame->series;
  Text *page = frame->page;
  for (int64_t i = 0; i < s->n_y; i++) {
    double left = scale_at(&frame->x, s->x[i]), right = scale_at(&frame->x, s->x[i + 1]);
    double top = scale_at(&frame->y, s->y[i]);
    if (!isfinite(left) || !isfinite(right) || !(s->y[i] > 0) || !isfinite(top)) continue;
    double gap = right - left > 3 ? 0.5 : 0;
    text_format(page, "<path class=\"bar\" d=\"M%.1f %.1fV%.1fH%.1fV%.1fz\"><title>", left + gap,
                frame->y.from, top, right - gap, frame->y.from);
    number_write_alone(page, s->x[i]);
    text_add(page, " to ");
    number_write_alone(page, s->x[i + 1]);
    text_add(page, ": ");
    number_write_alone(page, s->y[i]);
    text_add(page, "</title></path>");
  }
  if (frame->x.low < 0 && frame->x.high > 0)
    text_format(page, "<path class=\"zero\" d=\"M%.1f %.1fV%d\"/>", scale_at(&frame->x, 0),
                frame->y.from, TOP);
}

static void write_histogram(Text *page, const Series *s) {
  double low = INFINITY, high = -INFINITY, bottom = 0, top = 0;
  bool any = s->x && s->y && s->n_y > 0 && range_widen(s->x, s->n_y + 1, &low, &high);
  if (!any || !range_widen(s->y, s->n_y, &bottom, &top)) {
    write_nothing(page, s);
    return;
  }
  Phrase phrase;
  char a[48], b[48], c[48];
  snprintf(phrase.words, sizeof phrase.words, "%lld bins from %s to %s; the highest holds %s.",
           (long long)s->n_y, phrase_number(low, a), phrase_number(high, b), phrase_number(top, c));
  if (!(high > low)) open_range(&low, &high, 0.5);
  Frame frame = frame_over(page, s, low, high, 0, top > 0 ? 1.04 * top : 1);
  frame_open(&frame, "", phrase.words);
  frame_axes(&frame, 7, 5);
  write_bins(&frame);
  frame_close(&frame, NULL);
}

/* ---- bars ---- */

typedef struct Bar {
  double value;
  int64_t at;
} Bar;

/* Largest first, ties in the order given; what is not finite last. */
static int longest_first(const void *a, const void *b) {
  const Bar *x = a, *y = b;
  double u = isfinite(x->value) ? fabs(x->value) : -1, v = isfinite(y->value) ? fabs(y->value) : -1;
  if (u != v) return u > v ? -1 : 1;
  return (x->at > y->at) - (x->at < y->at);
}

/* The longest bars when there are too many, else all as they stand. */
static int64_t choose_bars(const Series *s, Bar *bars) {
  for (int64_t i = 0; i < s->n_y; i++) bars[i] = (Bar){s->y[i], i};
  if (s->n_y <= MOST_BARS) return s->n_y;
  qsort(bars, (size_t)s->n_y, sizeof *bars, longest_first);
  return MOST_BARS;
}

static int decimals_of(const Bar *bars, int64_t n) {
  double largest = 0;
  bool whole = true;
  for (int64_t i = 0; i < n; i++) {
    if (!isfinite(bars[i].value)) continue;
    whole = whole && bars[i].value == rint(bars[i].value);
    largest = fmax(largest, fabs(bars[i].value));
  }
  return whole ? 0 : number_decimals(largest);
}

/* How many letters of the names are shown. */
static int name_letters(const Series *s, const Bar *bars, int64_t n) {
  int64_t longest = NAME_LETTERS_LEAST;
  for (int64_t i = 0; s->x_names && i < n; i++) {
    int64_t length = (int64_t)strlen(s->x_names[bars[i].at]);
    if (length > longest) longest = length;
  }
  return longest < NAME_LETTERS_MOST ? (int)longest : NAME_LETTERS_MOST;
}

static void write_bar(const Frame *frame, const Bar *bar, int64_t place, int letters,
                      int decimals) {
  Text *page = frame->page;
  const Series *s = frame->series;
  double y = TOP + (double)place * BAR_PITCH, zero = scale_at(&frame->x, 0);
  double end = isfinite(bar->value) ? scale_at(&frame->x, bar->value) : zero;
  const char *name = s->x_names ? s->x_names[bar->at] : "";
  text_add(page, "<g>");
  text_format(page, "<text class=\"end label\" x=\"%.1f\" y=\"%.1f\">", frame->x.from - 8, y + 14);
  frame_write_cut(page, name, letters);
  text_format(page,
              "</text><rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" "
              "rx=\"1.5\"/>",
              fmin(zero, end), y + 2, fmax(fabs(end - zero), 0.6), BAR_PITCH - 5);
  text_format(page, "<text class=\"value\" x=\"%.1f\" y=\"%.1f\">", fmax(zero, end) + 6, y + 14);
  number_write(page, bar->value, decimals);
  text_add(page, "</text>");
  write_tip(page, name, 0, bar->value);
  text_add(page, "</g>\n");
}

static void write_bar_list(Text *page, const Series *s, const Bar *bars, int64_t n) {
  double low = 0, high = 0;
  int decimals = decimals_of(bars, n);
  char remark[96];
  Phrase phrase;
  for (int64_t i = 0; i < n; i++) range_widen(&bars[i].value, 1, &low, &high);
  if (!(high > low)) high = 1;
  describe(&phrase, s, n, "bars", low, high);
  bool named = s->y_label[0] != 0;
  int letters = name_letters(s, bars, n);
  Frame frame = {.page = page,
                 .series = s,
                 .width = WIDTH,
                 .height = TOP + (double)n * BAR_PITCH + (named ? 26 : 6),
                 .x = {low, high, letters * LETTER_WIDTH + 10.0, WIDTH - 60}};
  frame_open(&frame, "bars", phrase.words);
  for (int64_t i = 0; i < n; i++) write_bar(&frame, &bars[i], i, letters, decimals);
  text_format(page, "<path class=\"axis\" d=\"M%.1f %dV%.1f\"/>", scale_at(&frame.x, 0), TOP,
              TOP + (double)n * BAR_PITCH);
  frame_text(&frame, (frame.x.from + frame.x.to) / 2, frame.height - 8, "mid name", s->y_label);
  snprintf(remark, sizeof remark, "The %lld longest of %lld.", (long long)n, (long long)s->n_y);
  frame_close(&frame, n < s->n_y ? remark : NULL);
}

static void write_bars(Text *page, const Series *s) {
  Bar *bars = NULL;
  if (!s->y || s->n_y == 0) {
    write_nothing(page, s);
    return;
  }
  if (page->status == OK) page->status = NEW(&bars, s->n_y);
  if (page->status == OK) write_bar_list(page, s, bars, choose_bars(s, bars));
  memory_free(&bars);
}

void chart_write(Text *page, const Series *series) {
  switch (series->kind) {
    case SERIES_LINE: write_line(page, series); return;
    case SERIES_SCATTER: write_scatter(page, series); return;
    case SERIES_HISTOGRAM: write_histogram(page, series); return;
    case SERIES_BARS: write_bars(page, series); return;
    case SERIES_HEATMAP: heatmap_write(page, series); return;
    case SERIES_TREE:
      if (!tree_write(page, series)) write_nothing(page, series);
      return;
    case SERIES_MAP: map_write(page, series); return;
  }
}
