/* report.html: one file that opens anywhere; see report.h.
 *
 * Everything is drawn here, as text and static SVG, so that the page is whole without JavaScript,
 * on paper and for screen readers; a small script adds sorting and tooltips. Charts drawn by a
 * script would be smaller and would need a browser that runs it. The page depends on its input
 * alone: the same summaries give the same bytes.
 *
 * The order is that of a reader in a hurry: headlines beside their baselines, warnings, the
 * leaderboard, what ran and what it cost, then each stage in full. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "report_parts.h"

static const double MIB = 1024.0 * 1024.0;

static const char *title_of(const ReportInput *input) {
  if (input->title && input->title[0]) return input->title;
  return input->run_name && input->run_name[0] ? input->run_name : "Segue";
}

static bool has_more(const Summary *s) {
  return s && s->n_metrics + s->n_tables + s->n_series + s->n_notes > 0;
}

static int64_t count_warnings(const ReportInput *input) {
  int64_t n = 0;
  for (int64_t i = 0; i < input->n_stages; i++) {
    const Summary *s = input->stages[i].summary;
    const Metric *constant = NULL;
    for (int64_t k = 0; s && k < s->n_notes; k++) n += s->notes[k].level == NOTE_WARNING;
    n += s && leaders_beaten(s, &constant);
  }
  return n;
}

static bool has_board(const ReportInput *input) {
  static const char *const splits[] = {"test", "folds", "test_constant", "folds_constant"};
  for (int64_t i = 0; i < input->n_stages; i++)
    for (int k = 0; input->stages[i].summary && k < 4; k++)
      if (leaders_find(input->stages[i].summary, splits[k], NULL)) return true;
  return false;
}

/* ---- head and navigation ---- */

static void write_head(Text *page, const ReportInput *input) {
  text_add(page,
           "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
           "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
           "<meta name=\"color-scheme\" content=\"light dark\">\n"
           "<meta name=\"generator\" content=\"Segue\">\n<title>");
  text_html(page, title_of(input));
  text_add(page, "</title>\n<style>\n");
  text_add(page, report_style);
  heatmap_write_style(page);
  map_write_style(page);
  text_add(page,
           "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">To the results</a>\n");
}

static void write_link(Text *page, const char *target, const char *words) {
  text_format(page, "<li><a href=\"#%s\">%s</a></li>\n", target, words);
}

static void write_navigation(Text *page, const ReportInput *input) {
  text_add(page, "<nav aria-label=\"Sections\"><p class=\"mark\">Segue</p><ul>\n");
  write_link(page, "overview", "Overview");
  if (has_board(input)) write_link(page, "board", "Leaderboard");
  write_link(page, "ran", "What ran");
  text_add(page, "</ul>\n<p class=\"title\">Stages</p><ul>\n");
  for (int64_t i = 0; i < input->n_stages; i++) {
    if (!has_more(input->stages[i].summary)) continue;
    text_format(page, "<li><a href=\"#stage-%" PRId64 "\">", i);
    text_html(page, input->stages[i].name);
    text_add(page, "</a></li>\n");
  }
  text_add(page, "</ul>\n<ul>\n");
  if (input->config_json) write_link(page, "config", "Config");
  text_add(page, "</ul></nav>\n");
}

static void write_fact(Text *page, const char *name, const char *value) {
  if (!value || !value[0]) return;
  text_format(page, "<div><dt>%s</dt><dd>", name);
  text_html(page, value);
  text_add(page, "</dd></div>\n");
}

static void write_header(Text *page, const ReportInput *input) {
  text_add(page, "<header><h1>");
  text_html(page, title_of(input));
  text_add(page, "</h1>\n<dl class=\"facts\">\n");
  write_fact(page, "Run", input->run_name);
  write_fact(page, "Segue", input->version);
  text_format(
      page, "<div><dt>Seed</dt><dd>%" PRIu64 "</dd></div>\n<div><dt>Ranks</dt><dd>%d</dd></div>\n",
      input->seed, input->ranks);
  write_fact(page, "Arithmetic", input->profile);
  text_add(page, "</dl></header>\n");
}

static void write_note(Text *page, const Note *note, const char *stage) {
  text_add(page, note->level == NOTE_WARNING ? "<li class=\"warning\">" : "<li>");
  if (stage) {
    text_add(page, "<b>");
    text_html(page, stage);
    text_add(page, "</b>: ");
  }
  text_html(page, note->text);
  text_add(page, "</li>\n");
}

/* What no stage says of itself. */
static void write_beaten(Text *page, const ReportStage *stage) {
  const Metric *constant = NULL;
  const Metric *metric = leaders_beaten(stage->summary, &constant);
  if (!metric) return;
  int decimals = metric_decimals(metric_standard(metric, constant));
  text_add(page, "<li class=\"warning\"><b>");
  text_html(page, stage->name);
  text_add(page, "</b>: no better than always predicting the same: ");
  words_write_label(page, metric->name);
  text_add(page, " ");
  number_write(page, metric->value, decimals);
  text_add(page, ", constant ");
  number_write(page, constant->value, decimals);
  text_add(page, "</li>\n");
}

static void write_warnings(Text *page, const ReportInput *input) {
  if (count_warnings(input) == 0) return;
  text_add(page, "<div class=\"warnings\"><h2>Worth knowing</h2><ul class=\"notes\">\n");
  for (int64_t i = 0; i < input->n_stages; i++) {
    const Summary *s = input->stages[i].summary;
    for (int64_t k = 0; s && k < s->n_notes; k++)
      if (s->notes[k].level == NOTE_WARNING) write_note(page, &s->notes[k], input->stages[i].name);
    if (s) write_beaten(page, &input->stages[i]);
  }
  text_add(page, "</ul></div>\n");
}

/* ---- what ran ---- */

static double busy_share(const ReportStage *stage, int ranks) {
  double share = stage->busy_seconds / (stage->seconds * ranks);
  /* A reused stage may have been made by more ranks. */
  return stage->seconds > 0 && share <= 1.005 ? fmin(share, 1) : NAN;
}

static void write_run(Text *page, const ReportInput *input, int64_t i, double longest) {
  const ReportStage *stage = &input->stages[i];
  text_add(page, "<tr><th scope=\"row\">");
  if (has_more(stage->summary)) text_format(page, "<a href=\"#stage-%" PRId64 "\">", i);
  text_html(page, stage->name);
  text_add(page, has_more(stage->summary) ? "</a></th><td>" : "</th><td>");
  text_html(page, stage->kind);
  text_add(page, "</td><td class=\"n\">");
  number_write_seconds(page, stage->seconds);
  text_format(page,
              "</td><td class=\"bars\" aria-hidden=\"true\"><span class=\"time-bar\" "
              "style=\"width:%.1f%%\"></span></td><td class=\"n\">",
              longest > 0 && stage->seconds > 0 ? 100 * stage->seconds / longest : 0);
  number_write_percent(page, busy_share(stage, input->ranks));
  text_add(page, "</td><td class=\"n\">");
  if (stage->peak_bytes > 0) number_write(page, (double)stage->peak_bytes / MIB, 0);
  text_format(page, "</td><td>%s</td></tr>\n", stage->reused ? "reused" : "");
}

static void write_total(Text *page, const ReportInput *input, double seconds) {
  int64_t peak = 0, reused = 0;
  for (int64_t i = 0; i < input->n_stages; i++) {
    if (input->stages[i].peak_bytes > peak) peak = input->stages[i].peak_bytes;
    reused += input->stages[i].reused;
  }
  text_add(page, "<tfoot><tr><th scope=\"row\">All stages</th><td></td><td class=\"n\">");
  number_write_seconds(page, seconds);
  text_add(page, "</td><td></td><td></td><td class=\"n\">");
  if (peak > 0) number_write(page, (double)peak / MIB, 0);
  text_add(page, "</td><td>");
  if (reused > 0) text_format(page, "%" PRId64, reused);
  text_add(page, "</td></tr></tfoot>");
}

static void write_ran(Text *page, const ReportInput *input) {
  double longest = 0, seconds = 0;
  for (int64_t i = 0; i < input->n_stages; i++) {
    if (!isfinite(input->stages[i].seconds)) continue;
    longest = fmax(longest, input->stages[i].seconds);
    seconds += input->stages[i].seconds;
  }
  text_add(page, "<section id=\"ran\"><h2>What ran</h2>\n");
  if (input->n_stages == 0) {
    text_add(page, "<p class=\"soft\">No stages.</p></section>\n");
    return;
  }
  text_add(page,
           "<div class=\"box\"><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
           "aria-label=\"What ran\"><table><thead><tr><th scope=\"col\">Stage</th>"
           "<th scope=\"col\">Kind</th><th scope=\"col\" class=\"n\">Time</th>"
           "<th scope=\"col\" class=\"bars\"><span hidden>Time as a bar</span></th>"
           "<th scope=\"col\" class=\"n\"><abbr title=\"Share of the time in which ranks worked "
           "and did not wait for each other.\">Busy</abbr></th>"
           "<th scope=\"col\" class=\"n\"><abbr title=\"Largest resident memory of a rank "
           "while the stage ran.\">Peak MiB</abbr></th>"
           "<th scope=\"col\">Reused</th></tr></thead><tbody>\n");
  for (int64_t i = 0; i < input->n_stages; i++) write_run(page, input, i, longest);
  text_add(page, "</tbody>");
  write_total(page, input, seconds);
  text_add(page, "</table></div></div></section>\n");
}

/* ---- a stage ---- */

typedef enum Place { FLOWING, BELOW, FOLDED } Place;

/* Short parts flow in columns; long tables stand below, so that opening one moves nothing else; a
 * table that says what bars of its name show already is folded. */
static Place place_of(const Summary *s, const SummaryTable *table) {
  for (int64_t k = 0; k < s->n_series; k++)
    if (s->series[k].kind == SERIES_BARS && strcmp(s->series[k].name, table->name) == 0 &&
        table->n_columns == 2)
      return FOLDED;
  return table_is_long(table) ? BELOW : FLOWING;
}

static int64_t count_places(const Summary *s, Place place) {
  int64_t n = 0;
  for (int64_t k = 0; k < s->n_tables; k++) n += place_of(s, &s->tables[k]) == place;
  return n;
}

static void write_tables(Text *page, const Summary *s, Place place) {
  for (int64_t k = 0; k < s->n_tables; k++)
    if (place_of(s, &s->tables[k]) == place) table_write(page, &s->tables[k], place == FOLDED);
}

static void write_contents(Text *page, const Summary *s) {
  int64_t below = count_places(s, BELOW), folded = count_places(s, FOLDED);
  if (s->n_metrics + s->n_series + s->n_tables > below) {
    text_add(page, "<div class=\"flow\">\n");
    table_write_metrics(page, s);
    for (int64_t k = 0; k < s->n_series; k++) chart_write(page, &s->series[k]);
    write_tables(page, s, FLOWING);
    text_add(page, "</div>\n");
  }
  if (below + folded == 0) return;
  text_add(page, "<div class=\"grid\">\n");
  write_tables(page, s, BELOW);
  write_tables(page, s, FOLDED);
  text_add(page, "</div>\n");
}

static void write_stage(Text *page, const ReportStage *stage, int64_t number) {
  const Summary *s = stage->summary;
  if (!has_more(s)) return;
  text_format(page, "<section class=\"stage\" id=\"stage-%" PRId64 "\"><h2>", number);
  text_html(page, stage->name);
  text_add(page, " <span class=\"kind\">");
  text_html(page, stage->kind);
  text_add(page, "</span> <span class=\"time\">");
  number_write_seconds(page, stage->seconds);
  text_add(page, stage->reused ? ", reused</span></h2>\n" : "</span></h2>\n");
  if (s->n_notes > 0) {
    text_add(page, "<ul class=\"notes\">\n");
    for (int64_t k = 0; k < s->n_notes; k++) write_note(page, &s->notes[k], NULL);
    text_add(page, "</ul>\n");
  }
  write_contents(page, s);
  text_add(page, "</section>\n");
}

static void write_config(Text *page, const ReportInput *input) {
  if (!input->config_json) return;
  text_add(page,
           "<section id=\"config\"><h2>Config</h2><details class=\"box\"><summary>As it ran, with "
           "all defaults</summary><pre tabindex=\"0\">");
  text_html(page, input->config_json);
  text_add(page, "</pre></details></section>\n");
}

Status report_html(const ReportInput *input, char **text) {
  Text page = {0};
  write_head(&page, input);
  text_add(&page, "<div class=\"frame\">\n");
  write_navigation(&page, input);
  text_add(&page, "<main id=\"main\">\n<section id=\"overview\">\n");
  write_header(&page, input);
  leaders_write_cards(&page, input);
  write_warnings(&page, input);
  text_add(&page, "</section>\n");
  leaders_write_board(&page, input);
  write_ran(&page, input);
  for (int64_t i = 0; i < input->n_stages; i++) write_stage(&page, &input->stages[i], i);
  words_write_glossary(&page, input);
  write_config(&page, input);
  text_add(&page, "<footer>All numbers are in report.json beside this file.</footer>\n");
  text_add(&page, "</main></div>\n<script>\n");
  text_add(&page, report_script);
  text_add(&page, "</script>\n</body>\n</html>\n");
  return text_take(&page, text);
}
