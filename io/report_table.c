/* Tables of the report; see report_parts.h.
 *
 * A long table shows its first rows; the others wait behind a <details> in front of it, which style
 * alone opens, so that it stays one table: columns line up, sorting sees all rows, and nothing is
 * lost where there is no style. */
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "report_parts.h"

enum { SHOWN_ROWS = 15, NARROW_COLUMNS = 4 };

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

void table_write(Text *page, const SummaryTable *table) {
  ColumnStyle *styles = NULL;
  if (page->status == OK) page->status = NEW(&styles, table->n_columns);
  if (page->status != OK) return;
  for (int64_t j = 0; j < table->n_columns; j++) styles[j] = style_of(table, j);
  bool is_long = table->n_rows > SHOWN_ROWS + 3, wide = table->n_columns > NARROW_COLUMNS;
  text_format(page, "<div class=\"box table%s%s\"><h3>", wide ? " wide" : "",
              is_long ? " long" : "");
  text_html(page, table->title[0] ? table->title : table->name);
  text_add(page, "</h3>\n");
  if (table->n_rows == 0) text_add(page, "<p class=\"soft\">No rows.</p>\n");
  if (is_long) {
    text_add(page, "<details class=\"more\"><summary><span class=\"shut\">Show all ");
    number_write(page, (double)table->n_rows, 0);
    text_format(page,
                " rows</span><span class=\"open\">Show the first %d rows</span></summary>"
                "</details>\n",
                SHOWN_ROWS);
  }
  text_add(page, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
  text_html(page, table->title[0] ? table->title : table->name);
  text_add(page, "\"><table class=\"sortable\">");
  write_head(page, table, styles);
  write_rows(page, table, styles);
  text_add(page, "</table></div></div>\n");
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

/* Is this the first metric with its name (its split)? */
static bool is_first(const Summary *summary, int64_t i, bool by_split) {
  size_t at = by_split ? offsetof(Metric, split) : offsetof(Metric, name);
  const char *own = *(char *const *)((const char *)&summary->metrics[i] + at);
  for (int64_t k = 0; k < i; k++)
    if (strcmp(*(char *const *)((const char *)&summary->metrics[k] + at), own) == 0) return false;
  return true;
}

static void write_metric(Text *page, const Summary *summary, const Metric *metric) {
  if (!metric) {
    text_add(page, "<td></td>");
    return;
  }
  const Metric *sd = find_sd(summary, metric);
  int decimals = metric_decimals(metric);
  text_add(page, "<td class=\"n\">");
  number_write(page, metric->value, decimals);
  if (sd && isfinite(sd->value)) {
    text_add(page, " <small>\xc2\xb1 ");
    number_write(page, sd->value, decimals);
    text_add(page, "</small>");
  }
  metric_write_interval(page, metric, "<br><small>", "</small>");
  text_add(page, "</td>");
}

static void write_metric_row(Text *page, const Summary *summary, const Metric *named) {
  text_format(page, "<tr%s><th scope=\"row\">", named->headline ? " class=\"head\"" : "");
  words_write_term(page, named->name);
  text_add(page, "</th>");
  for (int64_t s = 0; s < summary->n_metrics; s++)
    if (is_first(summary, s, true))
      write_metric(page, summary, leaders_find(summary, summary->metrics[s].split, named->name));
  text_add(page, "</tr>\n");
}

void table_write_metrics(Text *page, const Summary *summary) {
  int64_t splits = 0;
  if (summary->n_metrics == 0) return;
  for (int64_t i = 0; i < summary->n_metrics; i++) splits += is_first(summary, i, true);
  text_format(page,
              "<div class=\"box table%s\"><h3>Metrics</h3><div class=\"scroll\" tabindex=\"0\" "
              "role=\"region\" aria-label=\"Metrics\"><table><thead><tr><th scope=\"col\">Metric"
              "</th>",
              splits >= NARROW_COLUMNS ? " wide" : "");
  for (int64_t i = 0; i < summary->n_metrics; i++) {
    if (!is_first(summary, i, true)) continue;
    text_add(page, "<th scope=\"col\" class=\"n\">");
    words_write_split(page, summary->metrics[i].split);
    text_add(page, "</th>");
  }
  text_add(page, "</tr></thead><tbody>\n");
  for (int64_t i = 0; i < summary->n_metrics; i++)
    if (is_first(summary, i, false) && !owner_of_sd(summary, &summary->metrics[i]))
      write_metric_row(page, summary, &summary->metrics[i]);
  text_add(page, "</tbody></table></div></div>\n");
}
