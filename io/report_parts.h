/* Parts of report.html, one file each; all append to the page and none communicates or fails: lack
 * of memory sticks to the page. */
#ifndef SEGUE_IO_REPORT_PARTS_H
#define SEGUE_IO_REPORT_PARTS_H

#include "report.h"
#include "text.h"

/* ---- report_number.c: numbers as people read them ---- */

/* Decimals that show about four significant digits of a number of this size. Local. */
int number_decimals(double size);
/* 12,345.6 with a true minus; an en dash for NaN; 1.2e-9 where decimals would hide it. Local. */
void number_write(Text *page, double value, int decimals);
/* As many decimals as a number that stands alone needs. Local. */
void number_write_alone(Text *page, double value);
/* 12k, 3.5M: for axes. decimals count for numbers below 10,000. Local. */
void number_write_short(Text *page, double value, int decimals);
/* 1.5e-9 with a true minus; value is finite and not 0. Local. */
void number_write_power(Text *page, double value);
void number_write_percent(Text *page, double share);
/* "0.42 s", "3 min 20 s". Local. */
void number_write_seconds(Text *page, double seconds);
/* Decimals of a metric: its interval says how many mean something. Local. */
int metric_decimals(const Metric *metric);
/* Which of two says how many decimals a row or column of metrics has: one with an interval before
 * one without, a model before its baseline, else the first. Either may be NULL. Local, borrowed. */
const Metric *metric_standard(const Metric *standard, const Metric *metric);
/* "15.9 to 16.3"; nothing when there is no interval. Local. */
void metric_write_interval(Text *page, const Metric *metric, int decimals, const char *before,
                           const char *after);

/* ---- report_words.c: names as people say them ---- */

/* What a metric means, in a sentence or two; NULL when unknown. Local, borrowed. */
const char *words_meaning(const char *name);
/* "rmse" as RMSE, "track_genre" as Track genre; escaped. Local. */
void words_write_label(Text *page, const char *name);
/* The label, with its meaning as a tooltip. Local. */
void words_write_term(Text *page, const char *name);
/* "test_constant" as Constant, test. Local. */
void words_write_split(Text *page, const char *split);
/* Is it a split of a baseline, X_constant; is it that of this base? Local. */
bool words_is_constant(const char *split);
bool words_is_constant_of(const char *split, const char *base);
/* Terms that these stages use, with their meanings. Local. */
void words_write_glossary(Text *page, const ReportInput *input);

/* ---- report_table.c ---- */

/* folded: behind its title, to be opened. Local. */
void table_write(Text *page, const SummaryTable *table, bool folded);
/* Are some of its rows hidden at first? */
bool table_is_long(const SummaryTable *table);
/* Metrics by name (rows) and split (columns). Local. */
void table_write_metrics(Text *page, const Summary *summary);

/* ---- report_leaders.c ---- */

/* The metric of that name, the first headline one when name is NULL; NULL when there is none. */
const Metric *leaders_find(const Summary *summary, const char *split, const char *name);
/* The split that speaks for a stage: test, else folds, else any with a headline that is no
 * baseline; NULL: none. */
const char *leaders_main_split(const Summary *summary);
/* The first headline metric of the main split, when the constant's is at least as good; else NULL.
 * *constant: the constant's. Local, borrowed. */
const Metric *leaders_beaten(const Summary *summary, const Metric **constant);
void leaders_write_cards(Text *page, const ReportInput *input);
void leaders_write_board(Text *page, const ReportInput *input);

/* ---- charts: static SVG ---- */

/* Data to pixels, straight. */
typedef struct Scale {
  double low, high, from, to;
} Scale;

typedef struct Ticks {
  double first, step;
  int n, decimals;
} Ticks;

/* The drawing area of a chart and its axes. */
typedef struct Frame {
  Text *page;
  const Series *series;
  double width, height; /* of the whole drawing */
  Scale x, y;
} Frame;

/* report_axes.c */
double scale_at(const Scale *scale, double value);
Ticks ticks_of(double low, double high, int most);
/* Widen low .. high over the finite ones of n values; false when there is none. */
bool range_widen(const double *values, int64_t n, double *low, double *high);
/* Open figure and svg; description: for those who cannot see it. */
void frame_open(const Frame *frame, const char *class, const char *description);
void frame_close(const Frame *frame, const char *remark);
/* Grid, tick labels and axis titles on both sides. */
void frame_axes(const Frame *frame, int x_ticks, int y_ticks);
void frame_text(const Frame *frame, double x, double y, const char *class, const char *words);
/* At most `most` characters wide, then an ellipsis; escaped. */
void frame_write_cut(Text *page, const char *words, int most);

/* report_chart.c */
void chart_write(Text *page, const Series *series);
/* report_map.c */
void map_write(Text *page, const Series *series);
/* What its drawings need: the classes g0 .. of its groups' colours. */
void map_write_style(Text *page);
/* report_heatmap.c */
void heatmap_write(Text *page, const Series *series);
/* The classes m0 .. m15 of its colours, for both schemes. */
void heatmap_write_style(Text *page);
/* report_tree.c; false: there is nothing to draw. */
bool tree_write(Text *page, const Series *series);

/* ---- report_style.c ---- */

extern const char *const report_style;
extern const char *const report_script;

#endif
