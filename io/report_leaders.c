/* The first page: headline cards and the leaderboard; see report_parts.h.
 *
 * Next to each model stands the constant baseline of the same rows. Rows of the leaderboard are
 * compared within their part alone: test rows and folds are not the same rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "report_parts.h"

enum { STRIP_WIDTH = 160, STRIP_HEIGHT = 14, MOST_COLUMNS = 8 };

const Metric *leaders_find(const Summary *summary, const char *split, const char *name) {
  for (int64_t i = 0; i < summary->n_metrics; i++) {
    const Metric *m = &summary->metrics[i];
    if (strcmp(m->split, split) == 0 && (name ? strcmp(m->name, name) == 0 : m->headline)) return m;
  }
  return NULL;
}

/* ---- a value and its interval on a line ---- */

typedef struct Span {
  double low, high;
} Span;

static void span_widen(Span *span, const Metric *metric) {
  if (!metric) return;
  const double values[] = {metric->value, metric->low, metric->high};
  range_widen(values, 3, &span->low, &span->high);
}

static void write_dot(Text *page, const Scale *scale, const Metric *metric, const char *class) {
  double middle = STRIP_HEIGHT / 2.0;
  if (!isfinite(metric->value)) return;
  if (isfinite(metric->low) && isfinite(metric->high))
    text_format(page, "<path class=\"whisker %s\" d=\"M%.1f %.1fH%.1f\"/>", class,
                scale_at(scale, metric->low), middle, scale_at(scale, metric->high));
  text_format(page, "<circle class=\"dot %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>", class,
              scale_at(scale, metric->value), middle);
}

/* other: the baseline, or NULL. Decoration: the numbers stand beside it. */
static void write_strip(Text *page, Span span, const Metric *metric, const Metric *other,
                        const char *class) {
  Scale scale = {span.low, span.high, 6, STRIP_WIDTH - 6};
  if (!(span.high > span.low)) return;
  text_format(page,
              "<svg class=\"strip\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
              "aria-hidden=\"true\"><path class=\"rail\" d=\"M0 %.1fH%d\"/>",
              STRIP_WIDTH, STRIP_HEIGHT, STRIP_WIDTH, STRIP_HEIGHT, STRIP_HEIGHT / 2.0,
              STRIP_WIDTH);
  if (other) write_dot(page, &scale, other, "base");
  write_dot(page, &scale, metric, class);
  text_add(page, "</svg>");
}

/* ---- cards ---- */

const char *leaders_main_split(const Summary *summary) {
  if (leaders_find(summary, "test", NULL)) return "test";
  if (leaders_find(summary, "folds", NULL)) return "folds";
  for (int64_t i = 0; i < summary->n_metrics; i++)
    if (summary->metrics[i].headline && !words_is_constant(summary->metrics[i].split))
      return summary->metrics[i].split;
  return NULL;
}

static const Metric *find_constant(const Summary *summary, const char *split, const char *name) {
  for (int64_t i = 0; i < summary->n_metrics; i++)
    if (words_is_constant_of(summary->metrics[i].split, split) &&
        strcmp(summary->metrics[i].name, name) == 0)
      return &summary->metrics[i];
  return NULL;
}

const Metric *leaders_beaten(const Summary *summary, const Metric **constant) {
  const char *split = leaders_main_split(summary);
  const Metric *metric = split ? leaders_find(summary, split, NULL) : NULL;
  *constant = metric ? find_constant(summary, split, metric->name) : NULL;
  if (!*constant || isnan(metric->value) || isnan((*constant)->value)) return NULL;
  bool better = metric->value != (*constant)->value &&
                (metric->value > (*constant)->value) == metric->higher_better;
  return better ? NULL : metric;
}

static void write_headline(Text *page, const Summary *summary, const Metric *metric) {
  const Metric *constant = find_constant(summary, metric->split, metric->name);
  Span span = {INFINITY, -INFINITY};
  span_widen(&span, metric);
  span_widen(&span, constant);
  int decimals = metric_decimals(metric_standard(metric, constant));
  text_add(page, "<div class=\"headline\"><dt>");
  words_write_term(page, metric->name);
  text_add(page, "</dt><dd><strong>");
  number_write(page, metric->value, decimals);
  text_add(page, "</strong>");
  metric_write_interval(page, metric, decimals, " <span class=\"interval\">(", ")</span>");
  if (constant) {
    text_add(page, "<span class=\"against\">constant ");
    number_write(page, constant->value, decimals);
    text_add(page, "</span>");
    write_strip(page, span, metric, constant, "model");
  }
  text_add(page, "</dd></div>\n");
}

static void write_card(Text *page, const ReportStage *stage, int64_t number) {
  const Summary *summary = stage->summary;
  const char *split = summary ? leaders_main_split(summary) : NULL;
  if (!split) return;
  text_format(page, "<article class=\"card\"><h3><a href=\"#stage-%lld\">", (long long)number);
  text_html(page, stage->name);
  text_add(page, "</a> <span class=\"part\">");
  words_write_split(page, split);
  text_add(page, "</span></h3><dl>\n");
  for (int64_t i = 0; i < summary->n_metrics; i++) {
    const Metric *metric = &summary->metrics[i];
    if (metric->headline && strcmp(metric->split, split) == 0)
      write_headline(page, summary, metric);
  }
  text_add(page, "</dl></article>\n");
}

void leaders_write_cards(Text *page, const ReportInput *input) {
  text_add(page, "<div class=\"cards\">\n");
  for (int64_t i = 0; i < input->n_stages; i++) write_card(page, &input->stages[i], i);
  text_add(page, "</div>\n");
}

/* ---- the leaderboard ---- */

/* A row: one split of one stage. */
typedef struct Leader {
  const ReportStage *stage;
  int64_t number;      /* of the stage */
  const Metric *first; /* its first headline metric: says group and order */
  int part;            /* index in parts */
} Leader;

static const char *const parts[] = {"test", "folds"};
static const char *const part_titles[] = {"Test part", "Cross-validation, mean of folds"};
enum { PARTS = sizeof parts / sizeof *parts };

/* -1: a split that is not compared. */
static int part_of(const char *split) {
  for (int p = 0; p < PARTS; p++)
    if (strcmp(split, parts[p]) == 0 || words_is_constant_of(split, parts[p])) return p;
  return -1;
}

/* Leaders of all stages, in order. leaders: room for all metrics of the run. */
static int64_t find_leaders(const ReportInput *input, Leader *leaders) {
  int64_t n = 0;
  for (int64_t i = 0; i < input->n_stages; i++) {
    const Summary *summary = input->stages[i].summary;
    for (int64_t k = 0; summary && k < summary->n_metrics; k++) {
      const Metric *m = &summary->metrics[k];
      if (part_of(m->split) < 0 || leaders_find(summary, m->split, NULL) != m) continue;
      leaders[n++] = (Leader){&input->stages[i], i, m, part_of(m->split)};
    }
  }
  return n;
}

/* Same part together, then the best first, then the order of stages; what is not defined last. */
static int best_first(const void *a, const void *b) {
  const Leader *x = a, *y = b;
  if (x->part != y->part) return x->part < y->part ? -1 : 1;
  double u = x->first->value, v = y->first->value;
  if (isnan(u) != isnan(v)) return isnan(u) ? 1 : -1;
  if (u != v && !isnan(u)) return (u > v) == x->first->higher_better ? -1 : 1;
  if (x->number != y->number) return x->number < y->number ? -1 : 1;
  return strcmp(x->first->split, y->first->split);
}

/* Names of the headline metrics of a group, in order of appearance. */
static int find_columns(const Leader *leaders, int64_t n, const char *columns[MOST_COLUMNS]) {
  int n_columns = 0;
  for (int64_t l = 0; l < n; l++) {
    const Summary *summary = leaders[l].stage->summary;
    for (int64_t k = 0; k < summary->n_metrics && n_columns < MOST_COLUMNS; k++) {
      const Metric *m = &summary->metrics[k];
      bool known = !m->headline || strcmp(m->split, leaders[l].first->split) != 0;
      for (int c = 0; c < n_columns && !known; c++) known = strcmp(columns[c], m->name) == 0;
      if (!known) columns[n_columns++] = m->name;
    }
  }
  return n_columns;
}

/* Of one column within one part. */
typedef struct Standard {
  double best;
  int decimals;
} Standard;

static Standard standard_of(const Leader *leaders, int64_t n, int part, const char *column) {
  Standard standard = {.best = NAN};
  const Metric *exact = NULL;
  for (int64_t l = 0; l < n; l++) {
    const Metric *m = leaders_find(leaders[l].stage->summary, leaders[l].first->split, column);
    if (!m || leaders[l].part != part || isnan(m->value)) continue;
    bool better = m->value != standard.best && (m->value > standard.best) == m->higher_better;
    if (isnan(standard.best) || better) standard.best = m->value;
    exact = metric_standard(exact, m);
  }
  if (exact) standard.decimals = metric_decimals(exact);
  return standard;
}

static void write_score(Text *page, const Metric *metric, Standard standard) {
  if (!metric) {
    text_add(page, "<td></td>");
    return;
  }
  text_format(page, "<td class=\"n%s\"><span class=\"value\">",
              metric->value == standard.best ? " best" : "");
  number_write(page, metric->value, standard.decimals);
  text_add(page, "</span>");
  metric_write_interval(page, metric, standard.decimals, "<br><small>", "</small>");
  text_add(page, "</td>");
}

static void write_cost(Text *page, const Leader *leader, bool constant) {
  double seconds = leader->stage->seconds;
  if (constant || !isfinite(seconds)) {
    text_add(page, "<td></td></tr>\n");
    return;
  }
  text_format(page, "<td class=\"n\" data-v=\"%.3f\">", seconds); /* for sorting */
  number_write_seconds(page, seconds);
  text_add(page, "</td></tr>\n");
}

static void write_leader(Text *page, const Leader *leader, const char *const *columns,
                         const Standard *standards, int n_columns, Span span) {
  const char *split = leader->first->split;
  bool constant = words_is_constant(split);
  text_format(page, "<tr%s><th scope=\"row\"><a href=\"#stage-%lld\">",
              constant ? " class=\"constant\"" : "", (long long)leader->number);
  text_html(page, leader->stage->name);
  text_add(page, constant ? "</a> <span class=\"tag\">constant</span></th><td class=\"strips\">"
                          : "</a></th><td class=\"strips\">");
  write_strip(page, span, leader->first, NULL, constant ? "base" : "model");
  text_add(page, "</td>");
  for (int c = 0; c < n_columns; c++)
    write_score(page, leaders_find(leader->stage->summary, split, columns[c]), standards[c]);
  write_cost(page, leader, constant);
}

static void write_group_head(Text *page, const char *const *columns, int n_columns) {
  text_add(page, "<div class=\"box table wide\"><h3>Ranked by ");
  words_write_label(page, columns[0]);
  text_add(page,
           "</h3><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Leaderboard\">"
           "<table class=\"sortable board\"><thead><tr><th scope=\"col\">Stage</th>"
           "<th scope=\"col\" class=\"strips\" data-fixed>Interval</th>");
  for (int c = 0; c < n_columns; c++) {
    text_add(page, "<th scope=\"col\" class=\"n\">");
    words_write_term(page, columns[c]);
    text_add(page, "</th>");
  }
  text_add(page, "<th scope=\"col\" class=\"n\">Time</th></tr></thead>\n");
}

/* The n leaders of one part. */
static void write_part(Text *page, const Leader *leaders, int64_t n, const char *const *columns,
                       int n_columns) {
  Span span = {INFINITY, -INFINITY};
  Standard standards[MOST_COLUMNS];
  for (int64_t l = 0; l < n; l++) span_widen(&span, leaders[l].first);
  for (int c = 0; c < n_columns; c++)
    standards[c] = standard_of(leaders, n, leaders->part, columns[c]);
  text_format(page,
              "<tbody><tr class=\"group\"><th scope=\"colgroup\" colspan=\"%d\">%s</th></tr>\n",
              n_columns + 3, part_titles[leaders->part]);
  for (int64_t l = 0; l < n; l++)
    write_leader(page, &leaders[l], columns, standards, n_columns, span);
  text_add(page, "</tbody>\n");
}

/* Leaders of one group, sorted. */
static void write_group(Text *page, const Leader *leaders, int64_t n) {
  const char *columns[MOST_COLUMNS] = {0};
  int n_columns = find_columns(leaders, n, columns);
  write_group_head(page, columns, n_columns);
  for (int64_t begin = 0, end = 0; begin < n; begin = end) {
    while (end < n && leaders[end].part == leaders[begin].part) end++;
    write_part(page, leaders + begin, end - begin, columns, n_columns);
  }
  text_add(page, "</table></div></div>\n");
}

static int64_t count_metrics(const ReportInput *input) {
  int64_t n = 0;
  for (int64_t i = 0; i < input->n_stages; i++)
    if (input->stages[i].summary) n += input->stages[i].summary->n_metrics;
  return n;
}

void leaders_write_board(Text *page, const ReportInput *input) {
  Leader *all = NULL, *group = NULL;
  int64_t room = count_metrics(input), n = 0;
  if (page->status == OK) page->status = NEW(&all, room);
  if (page->status == OK) page->status = NEW(&group, room);
  if (page->status == OK) n = find_leaders(input, all);
  if (n > 0) text_add(page, "<section id=\"board\"><h2>Leaderboard</h2>\n");
  for (int64_t l = 0; l < n; l++) {
    int64_t members = 0;
    bool seen = false;
    for (int64_t k = 0; k < l; k++)
      seen = seen || strcmp(all[k].first->name, all[l].first->name) == 0;
    for (int64_t k = l; !seen && k < n; k++)
      if (strcmp(all[k].first->name, all[l].first->name) == 0) group[members++] = all[k];
    if (members == 0) continue;
    qsort(group, (size_t)members, sizeof *group, best_first);
    write_group(page, group, members);
  }
  if (n > 0) text_add(page, "</section>\n");
  memory_free(&all);
  memory_free(&group);
}
