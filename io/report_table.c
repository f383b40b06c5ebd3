/* Tables of the report; see report_parts.h.
 *
 * A long table shows its first rows; the others wait behind a <details> in front of it, which style
 * alone opens, so that it stays one table: columns line up, sorting sees all rows, and nothing is
 * lost where there is no style. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "report_parts.h"

enum { SHOWN_ROWS = 15, LONG_ROWS = 18, NARROW_COLUMNS = 4, LONG_TEXT = 100 };

bool table_is_long(const SummaryTable *table) { return table->n_rows > LONG_ROWS; }

typedef struct ColumnStyle {
  bool number, share;
  int decimals;
} ColumnStyle;

static const Cell *cell_at(const SummaryTable *table, int64_t i, int64_t j) {
  return &table->cells[i * table->n_columns + j];
}

static ColumnStyle style_of(const SummaryTable *table, int64_t j) {
  ColumnStyle style = {.number = table->n_rows > 0, .share = true};
  double largest = 0;
  bool whole = true;
  for (int64_t i = 0; i < table->n_rows; i++) {
    const Cell *cell = cell_at(table, i, j);
    style.number = style.number && cell->type != CELL_TEXT;
    if (cell->type != CELL_REAL || !isfinite(cell->real)) continue;
    whole = whole && cell->real == rint(cell->real);
    largest = fmax(largest, fabs(cell->real));
    style.share = style.share && cell->real >= 0 && cell->real <= 1;
  }
  bool called_share = strncmp(table->columns[j], "share", 5) == 0;
  bool real = table->n_rows > 0 && cell_at(table, 0, j)->type == CELL_REAL;
  style.share = style.share && called_share && real;
  style.decimals = whole ? 0 : number_decimals(largest);
  return style;
}

static void write_head(Text *page, const SummaryTable *table, const ColumnStyle *styles) {
  text_add(page, "<thead><tr>");
  for (int64_t j = 0; j < table->n_columns; j++) {
    text_format(page, "<th scope=\"col\"%s>", styles[j].number ? " class=\"n\"" : "");
    words_write_term(page, table->columns[j]);
    text_add(page, "</th>");
  }
  text_add(page, "</tr></thead>\n");
}

static void write_value(Text *page, const Cell *cell, const ColumnStyle *style) {
  switch (cell->type) {
    case CELL_TEXT: text_html(page, cell->text); return;
    case CELL_INTEGER: number_write(page, (double)cell->integer, 0); return;
    case CELL_REAL: break;
  }
  if (style->share)
    number_write_percent(page, cell->real);
  else
    number_write(page, cell->real, style->decimals);
}

/* The first cell of a row is its name when it is a text. */
static void write_cell(Text *page, const Cell *cell, int64_t j, const ColumnStyle *style) {
  bool head = j == 0 && cell->type == CELL_TEXT;
  text_add(page, head ? "<th scope=\"row\">" : style->number ? "<td class=\"n\">" : "<td>");
  write_value(page, cell, style);
  text_add(page, head ? "</th>" : "</td>");
}

static void write_rows(Text *page, const SummaryTable *table, const ColumnStyle *styles) {
  text_add(page, "<tbody>\n");
  for (int64_t i = 0; i < table->n_rows; i++) {
    text_add(page, "<tr>");
    for (int64_t j = 0; j < table->n_columns; j++)
      write_cell(page, cell_at(table, i, j), j, &styles[j]);
    text_add(page, "</tr>\n");
  }
  text_add(page, "</tbody>");
}

static void write_title(Text *page, const SummaryTable *table) {
  text_html(page, table->title[0] ? table->title : table->name);
}

static void write_more(Text *page, int64_t n_rows) {
  text_add(page, "<details class=\"more\"><summary><span class=\"shut\">Show all ");
  number_write(page, (double)n_rows, 0);
  text_format(page,
              " rows</span><span class=\"open\">Show the first %d rows</span></summary>"
              "</details>\n",
              SHOWN_ROWS);
}

static void write_table(Text *page, const SummaryTable *table, const ColumnStyle *styles) {
  if (table->n_rows == 0) text_add(page, "<p class=\"soft\">No rows.</p>\n");
  text_add(page, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
  write_title(page, table);
  text_add(page, "\"><table class=\"sortable\">");
  write_head(page, table, styles);
  write_rows(page, table, styles);
  text_add(page, "</table></div>");
}

/* Does it hold sentences? */
static bool has_long_text(const SummaryTable *table) {
  for (int64_t i = 0; i < table->n_rows * table->n_columns; i++)
    if (table->cells[i].type == CELL_TEXT && strlen(table->cells[i].text) > LONG_TEXT) return true;
  return false;
}

void table_write(Text *page, const SummaryTable *table, bool folded) {
  ColumnStyle *styles = NULL;
  if (page->status == OK) page->status = NEW(&styles, table->n_columns);
  if (page->status != OK) return;
  for (int64_t j = 0; j < table->n_columns; j++) styles[j] = style_of(table, j);
  bool is_long = table_is_long(table) && !folded,
       wide = table->n_columns > NARROW_COLUMNS || has_long_text(table);
  text_format(page, "<%s class=\"box table%s%s\">%s", folded ? "details" : "div",
              wide ? " wide" : "", is_long ? " long" : "", folded ? "<summary>" : "<h3>");
  write_title(page, table);
  text_add(page, folded ? ", as a table</summary>\n" : "</h3>\n");
  if (is_long) write_more(page, table->n_rows);
  write_table(page, table, styles);
  text_format(page, "</%s>\n", folded ? "details" : "div");
  memory_free(&styles);
}

/* ---- metrics ---- */

/* The metric NAME of which this one is NAME_sd, in the same split. */
static const Metric *owner_of_sd(const Summary *summary, const Metric *metric) {
  size_t n = strlen(metric->name);
  if (n < 4 || strcmp(metric->name + n - 3, "_sd") != 0) return NULL;
  for (int64_t i = 0; i < summary->n_metrics; i++) {
    const Metric *m = &summary->metrics[i];
    if (strcmp(m->split, metric->split) == 0 && strlen(m->name) == n - 3 &&
        strncmp(m->name, metric->name, n - 3) == 0)
      return m;
  }
  return NULL;
}

static const Metric *find_sd(const Summary *summary, const Metric *metric) {
  for (int64_t i = 0; i < summary->n_metrics; i++)
    if (owner_of_sd(summary, &summary->metrics[i]) == metric) return &summary->metrics[i];
  return NULL;
}

/* Splits in the order of columns: the one that speaks for the stage, its baseline, the others. */
typedef struct Splits {
  const char **names;
  int64_t n;
} Splits;

static void splits_add(Splits *splits, const char *name) {
  for (int64_t s = 0; s < splits->n; s++)
    if (strcmp(splits->names[s], name) == 0) return;
  splits->names[splits->n++] = name;
}

static void find_splits(const Summary *summary, Splits *splits) {
  const char *first = leaders_main_split(summary);
  if (first) splits_add(splits, first);
  for (int64_t i = 0; first && i < summary->n_metrics; i++)
    if (words_is_constant_of(summary->metrics[i].split, first))
      splits_add(splits, summary->metrics[i].split);
  for (int64_t i = 0; i < summary->n_metrics; i++) splits_add(splits, summary->metrics[i].split);
}

static void write_metric(Text *page, const Summary *summary, const Metric *metric, int decimals) {
  if (!metric) {
    text_add(page, "<td></td>");
    return;
  }
  const Metric *sd = find_sd(summary, metric);
  text_add(page, "<td class=\"n\">");
  number_write(page, metric->value, decimals);
  if (sd && isfinite(sd->value)) {
    text_add(page, " <small>\xc2\xb1 ");
    number_write(page, sd->value, decimals);
    text_add(page, "</small>");
  }
  metric_write_interval(page, metric, decimals, "<br><small>", "</small>");
  text_add(page, "</td>");
}

/* The row of a name. */
static void write_metric_row(Text *page, const Summary *summary, const Splits *splits,
                             const char *name) {
  const Metric *exact = NULL;
  bool headline = false;
  for (int64_t s = 0; s < splits->n; s++) {
    const Metric *metric = leaders_find(summary, splits->names[s], name);
    exact = metric_standard(exact, metric);
    headline = headline || (metric && metric->headline);
  }
  text_format(page, "<tr%s><th scope=\"row\">", headline ? " class=\"head\"" : "");
  words_write_term(page, name);
  text_add(page, "</th>");
  for (int64_t s = 0; s < splits->n; s++)
    write_metric(page, summary, leaders_find(summary, splits->names[s], name),
                 metric_decimals(exact));
  text_add(page, "</tr>\n");
}

/* Has an earlier split a metric of that name? */
static bool was_written(const Summary *summary, const Splits *splits, int64_t split,
                        const Metric *metric) {
  if (leaders_find(summary, metric->split, metric->name) != metric) return true;
  for (int64_t s = 0; s < split; s++)
    if (leaders_find(summary, splits->names[s], metric->name)) return true;
  return false;
}

static void write_metric_rows(Text *page, const Summary *summary, const Splits *splits) {
  for (int64_t s = 0; s < splits->n; s++)
    for (int64_t i = 0; i < summary->n_metrics; i++) {
      const Metric *m = &summary->metrics[i];
      if (strcmp(m->split, splits->names[s]) != 0 || owner_of_sd(summary, m)) continue;
      if (!was_written(summary, splits, s, m)) write_metric_row(page, summary, splits, m->name);
    }
}

void table_write_metrics(Text *page, const Summary *summary) {
  Splits splits = {0};
  if (summary->n_metrics == 0) return;
  if (page->status == OK) page->status = NEW(&splits.names, summary->n_metrics + 2);
  if (page->status != OK) return;
  find_splits(summary, &splits);
  text_format(page,
              "<div class=\"box table%s\"><h3>Metrics</h3><div class=\"scroll\" tabindex=\"0\" "
              "role=\"region\" aria-label=\"Metrics\"><table><thead><tr><th scope=\"col\">Metric"
              "</th>",
              splits.n > NARROW_COLUMNS ? " wide" : "");
  for (int64_t s = 0; s < splits.n; s++) {
    text_add(page, "<th scope=\"col\" class=\"n\">");
    words_write_split(page, splits.names[s]);
    text_add(page, "</th>");
  }
  text_add(page, "</tr></thead><tbody>\n");
  write_metric_rows(page, summary, &splits);
  text_add(page, "</tbody></table></div></div>\n");
  memory_free(&splits.names);
}
