/* date_part: numbers from dates: the year, the weekday, days since 1970. */
#include <math.h>
#include <string.h>

#include "columns.h"
#include "kernels/base/names.h"

enum { YEAR, DECADE, MONTH, DAY, WEEKDAY, DAYS, PARTS };
static const char *const part_words[PARTS] = {"year", "decade", "month", "day", "weekday", "days"};
static const char *const suffixes[PARTS] = {"_year", "_decade",  "_month",
                                            "_day",  "_weekday", "_days"};

typedef struct DatePartOptions {
  TextList columns, parts;
} DatePartOptions;

static const Option rows[] = {
    OPTION_TEXTS(DatePartOptions, columns, NULL,
                 "date columns; each feature among them is replaced by its parts"),
    OPTION_TEXTS(DatePartOptions, parts, "[\"year\"]",
                 "year, decade (1994: 1990), month, day, weekday (0 = Monday), days (since "
                 "1970-01-01, what a date lacks taken as the middle); each makes a feature "
                 "COLUMN_PART. A part that a date lacks is missing"),
    {0}};

static int part_find(const char *word) {
  for (int p = 0; p < PARTS; p++)
    if (strcmp(part_words[p], word) == 0) return p;
  return -1;
}

static Status check(const void *options) {
  const DatePartOptions *o = options;
  char hint[160];
  if (o->parts.n == 0) return status_fail(INVALID, "parts: name at least one part");
  for (int64_t p = 0; p < o->parts.n; p++)
    if (part_find(o->parts.items[p]) < 0)
      return status_fail(INVALID,
                         "parts: \"%s\" is none of year, decade, month, day, weekday, "
                         "days%s",
                         o->parts.items[p], names_hint(o->parts.items[p], part_words, PARTS, hint));
  return OK;
}

static Status plan(const void *options, FrameSchema *schema) {
  Status status = OK;
  const DatePartOptions *o = options;
  TRY(plan_listed(schema, &o->columns, TAKES_DATES, "date_part"));
  for (int64_t j = 0; j < o->columns.n; j++)
    for (int64_t p = 0; p < o->parts.n; p++)
      TRY(plan_replaced(schema, o->columns.items[j], suffixes[part_find(o->parts.items[p])],
                        false));
done:
  return status;
}

/* 1970-01-01 was a Thursday. */
static double weekday(int32_t date) {
  int64_t from_monday = (date_days(date) + 3) % 7;
  return (double)(from_monday < 0 ? from_monday + 7 : from_monday);
}

static double part_of(int32_t date, int part) {
  if (date == MISSING_DATE) return NAN;
  int32_t year = date / 10000, month = date / 100 % 100, day = date % 100;
  switch (part) {
    case YEAR: return year;
    case DECADE: return year / 10 * 10;
    case MONTH: return month > 0 ? (double)month : (double)NAN;
    case DAY: return day > 0 ? (double)day : (double)NAN;
    case WEEKDAY: return day > 0 ? weekday(date) : (double)NAN;
    default: return (double)date_days(date);
  }
}

static Status apply(const void *options, const void *state, Frame *frame) {
  Status status = OK;
  const DatePartOptions *o = options;
  Column *dates = NULL, *out = NULL;
  (void)state;
  for (int64_t j = 0; j < o->columns.n; j++) {
    const char *name = o->columns.items[j];
    Column *found = NULL;
    TRY(frame_typed(frame, name, TAKES_DATES, "date_part", &found));
    dates = column_share(found);
    table_remove(&frame->features, name);
    for (int64_t p = 0; p < o->parts.n; p++) {
      int part = part_find(o->parts.items[p]);
      TRY(frame_new(frame, name, suffixes[part], COLUMN_REAL, &out));
      for (int64_t i = 0; i < out->n; i++) out->real[i] = part_of(dates->date[i], part);
      TRY(frame_put(frame, &out));
    }
    column_release(&dates);
  }
done:
  column_release(&dates);
  column_release(&out);
  return status;
}

extern const StepKind date_part_step;
const StepKind date_part_step = {
    .kind = {.name = "date_part",
             .help = "Replaces dates by numbers: year, month, weekday ...",
             .version = 1,
             .options_size = sizeof(DatePartOptions),
             .options = rows,
             .check = check},
    .plan = plan,
    .apply = apply};
