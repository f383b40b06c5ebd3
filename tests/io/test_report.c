/* report.json and report.html of a made-up run: numbers where they belong, order of the
 * leaderboard, hostile names, odd numbers, nothing at all, lack of memory. With an argument it
 * writes the sample page to that file, for looking at and for tests/end_to_end/test_report_page.sh.
 */
#include <cJSON.h>
#include <ctype.h>
#include <stdlib.h>

#include "io/summary_json.h"
#include "kernels/base/fault.h"
#include "report_sample.h"

static const cJSON *member(const cJSON *object, const char *const *path) {
  while (object && *path) object = cJSON_GetObjectItemCaseSensitive(object, *path++);
  return object;
}

static double number_at(const cJSON *root, const char *const *path) {
  const cJSON *item = member(root, path);
  return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

static void check_json(const Sample *sample) {
  char *text = NULL;
  CHECK_OK(report_json(&sample->input, &text));
  cJSON *root = cJSON_Parse(text);
  CHECK(cJSON_IsObject(root));
  CHECK(strstr(text, "\"seed\": 18446744073709551615,") != NULL);
  CHECK(strstr(text, "\xff") == NULL);
  CHECK_REAL(number_at(root, (const char *[]){"stages", "forest", "metrics", "test", "rmse", NULL}),
             16.12, 0);
  CHECK_REAL(number_at(root, (const char *[]){"stages", "clean", "seconds", NULL}), 37.52, 0);
  CHECK_TEXT(cJSON_GetStringValue(member(root, (const char *[]){"config", "note", NULL})),
             "</pre><b>");
  CHECK(cJSON_IsNull(member(root, (const char *[]){"stages", "forest", "metrics", "test_constant",
                                                   "high_recall", NULL})));
  static const char *const members[] = {"kind",   "seconds", "busy_seconds",   "peak_bytes",
                                        "reused", "metrics", "metric_details", "tables",
                                        "series", "notes"};
  for (size_t m = 0; m < sizeof members / sizeof *members; m++)
    CHECK(member(root, (const char *[]){"stages", "odd <b>", members[m], NULL}) != NULL);
  cJSON_Delete(root);
  memory_free(&text);
}

/* A summary goes through JSON and comes back with the same bits. */
static void check_round_trip(const Sample *sample) {
  for (int i = 0; i < SAMPLE_STAGES; i++) {
    char *once = NULL, *twice = NULL;
    Summary copy;
    summary_init(&copy, true);
    CHECK_OK(summary_to_json(&sample->summaries[i], &once));
    CHECK_OK(summary_from_json(once, &copy));
    CHECK_OK(summary_to_json(&copy, &twice));
    CHECK_TEXT(twice, once);
    summary_clear(&copy);
    memory_free(&once);
    memory_free(&twice);
  }
  Summary s;
  char *text = NULL;
  double odd = nextafter(0.1, 1), third = 1 / 3.0;
  summary_init(&s, true);
  CHECK_OK(summary_metric(&s, "test", "odd", odd, true, true));
  CHECK_OK(summary_metric(&s, "test", "third", third, true, true));
  CHECK_OK(summary_to_json(&s, &text));
  summary_clear(&s);
  CHECK_OK(summary_from_json(text, &s));
  CHECK_REAL(summary_find(&s, "test", "odd"), odd, 0);
  CHECK_REAL(summary_find(&s, "test", "third"), third, 0);
  memory_free(&text);
  summary_clear(&s);
}

/* ---- the page ---- */

/* Of elements that have to be closed: as many open as close, properly nested. */
static void check_nesting(const char *page) {
  static const char *const empty[] = {"meta", "br", "path", "rect", "circle", "!doctype"};
  char open[64][16];
  int depth = 0;
  for (const char *p = strchr(page, '<'); p && depth < 63; p = strchr(p + 1, '<')) {
    char name[16] = "";
    bool close = p[1] == '/', no_content = false;
    const char *q = p + 1 + close;
    for (int i = 0; i < 15 && (isalnum((unsigned char)*q) || *q == '!'); i++)
      name[i] = (char)tolower((unsigned char)*q++);
    for (size_t e = 0; e < sizeof empty / sizeof *empty; e++)
      no_content = no_content || strcmp(name, empty[e]) == 0;
    const char *end = strchr(p, '>');
    if (!end) break;
    if (no_content && end[-1] == '/') continue;
    if (!close && (strcmp(name, "br") == 0 || strcmp(name, "meta") == 0 || name[0] == '!'))
      continue;
    if (!close) {
      strcpy(open[depth++], name);
      if (strcmp(name, "script") == 0 || strcmp(name, "style") == 0) p = strstr(p, "</") - 1;
      continue;
    }
    bool matches = depth > 0 && strcmp(open[depth - 1], name) == 0;
    CHECK(matches);
    if (!matches) {
      fprintf(stderr, "  </%s> closes <%s>: %.60s\n", name, depth > 0 ? open[depth - 1] : "", p);
      return;
    }
    depth--;
  }
  CHECK_INTEGER(depth, 0);
}

static void check_has(const char *page, const char *part) {
  CHECK(strstr(page, part) != NULL);
  if (!strstr(page, part)) fprintf(stderr, "  lacks: %s\n", part);
}

static void check_lacks(const char *page, const char *part) {
  CHECK(strstr(page, part) == NULL);
  if (strstr(page, part)) fprintf(stderr, "  has: %.100s\n", strstr(page, part));
}

/* Both in this order. */
static void check_before(const char *page, const char *first, const char *second) {
  const char *a = strstr(page, first), *b = strstr(page, second);
  CHECK(a && b && a < b);
  if (!(a && b && a < b)) fprintf(stderr, "  %s not before %s\n", first, second);
}

static void check_page(const Sample *sample) {
  char *page = NULL, *again = NULL;
  CHECK_OK(report_html(&sample->input, &page));
  CHECK_OK(report_html(&sample->input, &again));
  CHECK_TEXT(again, page);
  CHECK(strlen(page) < 1000000);
  check_nesting(page);
  check_lacks(page, "<script>alert");
  check_lacks(page, "<i>run");
  check_lacks(page, "</pre><b>");
  check_lacks(page, "<b>long");
  check_lacks(page, "http://");
  check_lacks(page, "https://");
  check_lacks(page, "nan");
  check_lacks(page, "inf\"");
  check_lacks(page, "\xff");
  check_has(page, "<title>A sample &lt;i&gt;run&lt;/i&gt;</title>");
  check_has(page, "&lt;script&gt;alert(&#39;x&#39;)");
  check_has(page, "114,000");
  check_has(page, "&lt;0.1%");
  check_has(page, "Show all 114 rows");
  check_has(page, "The 30 longest of 114.");
  check_has(page, "class=\"diagonal\"");
  check_has(page, "class=\"branch\"");
  check_has(page, "class=\"branch above\"");
  check_has(page, "A tree of 5 names; the last two parts are joined at 7.5.");
  check_lacks(page, "no better than always predicting");
  check_has(page, "One point in 2 of 5000.");
  memory_free(&page);
  memory_free(&again);
}

/* The better model stands above the other, baselines below, folds apart from test rows. */
static void check_board(const Sample *sample) {
  char *page = NULL;
  CHECK_OK(report_html(&sample->input, &page));
  const char *board = strstr(page, "<section id=\"board\">");
  CHECK(board != NULL);
  char *end = board ? strstr(board, "</section>") : NULL;
  if (end) *end = 0;
  if (board && end) {
    check_before(board, "Ranked by RMSE", "Ranked by Accuracy");
    check_before(board, ">boosting</a>", ">forest</a>");
    check_before(board, ">forest</a>", "class=\"constant\"");
    check_before(board, "class=\"constant\"", "Cross-validation");
    check_before(board, ">mood</a>", ">genre</a>");
    check_has(board, "best\"><span class=\"value\">15.9</span><br><small>15.7 to 16.1");
    check_lacks(board, "best\"><span class=\"value\">16.1<");
  }
  memory_free(&page);
}

/* A constant that wins does not decide how many decimals a model shows, and the page says so. */
static void check_beaten(void) {
  Summary s;
  char *page = NULL;
  ReportStage stage = {.name = "late", .kind = "train", .summary = &s};
  ReportInput input = {.run_name = "beaten", .n_stages = 1, .stages = &stage};
  summary_init(&s, true);
  CHECK_OK(summary_metric_interval(&s, "test", "rmse", 27.21, 27.0, 27.4, false, true));
  CHECK_OK(summary_metric(&s, "test", "high_recall", 0.042, true, true));
  CHECK_OK(summary_metric(&s, "test_constant", "rmse", 24.56, false, true));
  CHECK_OK(summary_metric(&s, "test_constant", "high_recall", 0, true, true));
  CHECK_OK(report_html(&input, &page));
  check_has(page, "no better than always predicting the same: RMSE 27.2, constant 24.6");
  const char *board = strstr(page, "<section id=\"board\">");
  CHECK(board != NULL);
  if (board) {
    check_before(board, "class=\"constant\"", "<span class=\"value\">27.2<");
    check_has(board, "<span class=\"value\">0.0420<");
    check_has(board, "best\"><span class=\"value\">24.6<");
  }
  memory_free(&page);
  summary_clear(&s);
}

/* Values of both signs: 0 is in the middle of two hues, whatever the ends are. */
static void check_signed(void) {
  double z[] = {-3, 0, 1.5};
  char *names[] = {"a", "b", "c"};
  Summary s;
  char *page = NULL;
  ReportStage stage = {.name = "clusters", .kind = "kmeans", .summary = &s};
  ReportInput input = {.run_name = "signed", .n_stages = 1, .stages = &stage};
  Series series = {.name = sample_text("profile"),
                   .title = sample_text("Profile"),
                   .x_label = sample_text("feature"),
                   .y_label = sample_text("cluster"),
                   .kind = SERIES_HEATMAP,
                   .n_x = 3,
                   .n_y = 1,
                   .z = z,
                   .x_names = names,
                   .y_names = names};
  summary_init(&s, true);
  CHECK_OK(summary_series(&s, &series));
  CHECK_OK(report_html(&input, &page));
  check_has(page, "<path class=\"s0\" d");
  check_has(page, "<path class=\"s7\" d");
  check_has(page, "<path class=\"s11\" d");
  memory_free(&page);
  summary_clear(&s);
}

static void check_nothing(void) {
  char *page = NULL, *text = NULL;
  ReportInput input = {.run_name = "empty"};
  ReportStage stage = {.name = "s", .kind = "k", .seconds = NAN, .busy_seconds = INFINITY};
  CHECK_OK(report_html(&input, &page));
  check_nesting(page);
  check_has(page, "No stages.");
  CHECK_OK(report_json(&input, &text));
  cJSON *root = cJSON_Parse(text);
  CHECK(cJSON_IsObject(member(root, (const char *[]){"stages", NULL})));
  cJSON_Delete(root);
  memory_free(&page);
  memory_free(&text);
  input.n_stages = 1;
  input.stages = &stage;
  input.config_json = "no JSON {";
  CHECK_OK(report_html(&input, &page));
  check_nesting(page);
  CHECK_OK(report_json(&input, &text));
  root = cJSON_Parse(text);
  CHECK_TEXT(cJSON_GetStringValue(member(root, (const char *[]){"config", NULL})), "no JSON {");
  cJSON_Delete(root);
  memory_free(&page);
  memory_free(&text);
}

/* Every allocation made to fail in turn: the failure comes back, nothing is left behind. */
static void check_faults(const Sample *sample) {
  typedef Status (*Report)(const ReportInput *input, char **text);
  const Report reports[] = {report_json, report_html};
  for (int r = 0; r < 2; r++) {
    int64_t before = memory_balance(), failures = 0;
    Status status = MEMORY;
    for (int64_t nth = 1; nth < 500 && status == MEMORY; nth++) {
      char *text = NULL;
      fault_arm(FAULT_MEMORY, nth, false);
      status = reports[r](&sample->input, &text);
      fault_arm(FAULT_MEMORY, 0, false);
      CHECK((status == OK) == (text != NULL));
      failures += status == MEMORY;
      memory_free(&text);
      CHECK_INTEGER(memory_balance(), before);
    }
    CHECK_INTEGER(status, OK);
    CHECK(failures > 5);
  }
}

static int write_page(const Sample *sample, const char *path) {
  char *page = NULL;
  FILE *file = fopen(path, "w");
  CHECK_OK(report_html(&sample->input, &page));
  CHECK(file && page && fputs(page, file) >= 0 && fclose(file) == 0);
  memory_free(&page);
  return check_report("report_sample");
}

int main(int argc, char **argv) {
  Sample sample;
  sample_init(&sample);
  if (argc > 1) return write_page(&sample, argv[1]);
  check_json(&sample);
  check_round_trip(&sample);
  check_page(&sample);
  check_board(&sample);
  check_beaten();
  check_signed();
  check_nothing();
  check_faults(&sample);
  sample_clear(&sample);
  CHECK_INTEGER(memory_balance(), 0);
  return check_report("report");
}
