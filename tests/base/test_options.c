/* Release of options of every type, nearest names, summaries. */
#include "kernels/base/options.h"

#include <stddef.h>

#include "kernels/base/memory.h"
#include "kernels/base/names.h"
#include "kernels/base/summary.h"
#include "tests/check.h"

typedef struct Inner {
  char *label;
  RealList weights;
} Inner;

typedef struct Outer {
  double rate;
  int64_t trees;
  _Bool on;
  int word;
  char *path;
  TextList columns;
  RealList grid;
  TextLists keys;
  Variant model;
  VariantList steps;
  Map types;
} Outer;

static const Option inner_rows[] = {OPTION_TEXT(Inner, label, "null", "a text"),
                                    OPTION_REALS(Inner, weights, "[]", 0, 1, "weights"),
                                    {.name = NULL}};
static const Kind inner_kind = {
    .name = "inner", .options_size = sizeof(Inner), .options = inner_rows};
static const Kind plain_kind = {.name = "plain"};
static const Kind *const kinds[] = {&inner_kind, &plain_kind, NULL};
static const char *const words[] = {"one", "two", NULL};
static const Option rows[] = {OPTION_REAL(Outer, rate, "0.1", 0, 1, "rate"),
                              OPTION_INTEGER(Outer, trees, "100", 1, 1000, "trees"),
                              OPTION_BOOLEAN(Outer, on, "true", "on"),
                              OPTION_WORD(Outer, word, "\"one\"", words, "word"),
                              OPTION_TEXT(Outer, path, NULL, "path"),
                              OPTION_TEXTS(Outer, columns, "[]", "columns"),
                              OPTION_REALS(Outer, grid, "[]", 0, 1, "grid"),
                              OPTION_TEXT_LISTS(Outer, keys, "[]", "keys"),
                              OPTION_VARIANT(Outer, model, NULL, kinds, "model"),
                              OPTION_VARIANTS(Outer, steps, "[]", kinds, "steps"),
                              OPTION_MAP(Outer, types, "{}", inner_rows, Inner, "types"),
                              {.name = NULL}};

static void fill_texts(TextList *list, int64_t n) {
  list->n = n;
  CHECK_OK(NEW(&list->items, n));
  for (int64_t i = 0; i < n; i++) CHECK_OK(memory_text(&list->items[i], "text"));
}

static void fill_reals(RealList *list) {
  list->n = 2;
  CHECK_OK(NEW(&list->items, 2));
}

static void fill_inner(Inner *inner) {
  CHECK_OK(memory_text(&inner->label, "label"));
  fill_reals(&inner->weights);
}

static void fill_variant(Variant *variant) {
  Inner *inner = NULL;
  CHECK_OK(NEW(&inner, 1));
  fill_inner(inner);
  *variant = (Variant){.kind = &inner_kind, .options = inner};
}

static void test_clear(void) {
  Outer outer = {.rate = 0.5, .trees = 7};
  CHECK_OK(memory_text(&outer.path, "path"));
  fill_texts(&outer.columns, 3);
  fill_reals(&outer.grid);
  outer.keys.n = 2;
  CHECK_OK(NEW(&outer.keys.items, 2));
  fill_texts(&outer.keys.items[1], 2);
  fill_variant(&outer.model);
  outer.steps.n = 3;
  CHECK_OK(NEW(&outer.steps.items, 3));
  fill_variant(&outer.steps.items[0]);
  outer.steps.items[1].kind = &plain_kind;
  outer.types.n = 2;
  Inner *items = NULL;
  CHECK_OK(NEW(&items, 2));
  CHECK_OK(NEW(&outer.types.names, 2));
  CHECK_OK(memory_text(&outer.types.names[0], "tempo"));
  fill_inner(&items[1]);
  outer.types.items = items;
  CHECK(memory_balance() > 20);
  options_clear(rows, &outer);
  CHECK_INTEGER(memory_balance(), 0);
  CHECK_INTEGER(outer.columns.n + outer.grid.n + outer.keys.n + outer.steps.n + outer.types.n, 0);
  CHECK(outer.path == NULL && outer.model.kind == NULL);
  CHECK_INTEGER(outer.trees, 7);
  options_clear(rows, &outer);
  options_clear(NULL, &outer);
}

static void test_names(void) {
  const char *known[] = {"tempo", NULL, "danceability", "track_genre", "energy", "key"};
  CHECK_TEXT(names_nearest("temop", known, 6), "tempo");
  CHECK_TEXT(names_nearest("Danceabilty", known, 6), "danceability");
  CHECK_TEXT(names_nearest("trackgenre", known, 6), "track_genre");
  CHECK_TEXT(names_nearest("ENERGY", known, 6), "energy");
  CHECK(names_nearest("popularity", known, 6) == NULL);
  CHECK(names_nearest("xy", known, 6) == NULL);
  CHECK(names_nearest("", known, 6) == NULL);
  CHECK(names_nearest("tempo", known, 0) == NULL);
  char longest[100], buffer[160];
  memset(longest, 'x', sizeof longest - 1);
  longest[sizeof longest - 1] = 0;
  CHECK(names_nearest(longest, known, 6) == NULL);
  CHECK_TEXT(names_hint("enregy", known, 6, buffer), "; did you mean \"energy\"?");
  CHECK_TEXT(names_hint("nothing", known, 6, buffer), "");
}

static void test_summary(void) {
  Summary summary;
  int64_t handle = 0;
  double x[3] = {0, 1, 2}, y[2] = {4, 5};
  char *bars[2] = {"a", "b"};
  for (int active = 0; active < 2; active++) {
    summary_init(&summary, active);
    CHECK_OK(summary_metric(&summary, "test", "rmse", 15.5, false, true));
    CHECK_OK(summary_note(&summary, NOTE_WARNING, "%d rows", 3));
    CHECK_OK(
        summary_table(&summary, "errors", "Errors", 2, (const char *[]){"genre", "n"}, &handle));
    for (int i = 0; i < 40; i++)
      CHECK_OK(summary_row(&summary, handle, (Cell[]){cell_text("pop"), cell_integer(i)}));
    Series series = {
        .name = "h", .title = "H", .kind = SERIES_HISTOGRAM, .n_x = 2, .n_y = 2, .x = x, .y = y};
    CHECK_OK(summary_series(&summary, &series));
    series = (Series){.name = "b",
                      .title = "B",
                      .kind = SERIES_BARS,
                      .n_x = 2,
                      .n_y = 2,
                      .y = y,
                      .x_names = bars};
    CHECK_OK(summary_series(&summary, &series));
    CHECK_REAL(summary_find(&summary, "test", "rmse"), active ? 15.5 : NAN, 0);
    CHECK(isnan(summary_find(&summary, "train", "rmse")));
    if (active) {
      CHECK_INTEGER(summary.tables[handle].n_rows, 40);
      CHECK_TEXT(summary.tables[handle].cells[78].text, "pop");
      CHECK_INTEGER(summary.tables[handle].cells[79].integer, 39);
      CHECK_REAL(summary.series[0].x[2], 2, 0);
      CHECK_TEXT(summary.series[1].x_names[1], "b");
      CHECK_TEXT(summary.notes[0].text, "3 rows");
    }
    summary_clear(&summary);
    CHECK_INTEGER(memory_balance(), 0);
  }
}

int main(void) {
  test_clear();
  test_names();
  test_summary();
  CHECK_INTEGER(memory_balance(), 0);
  return check_report("base_options");
}
